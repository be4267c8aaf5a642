-- A database as after months of work: a million finished jobs and ten thousand failed ones, with their orders, payments and calls.
-- Run by scripts/console-pages with the variables finished, failed and days. Everything is made from the row's number, so that it is the
-- same each time, and spread evenly over the days before now.
\set ON_ERROR_STOP on
SET synchronous_commit = off;
SET work_mem = '64MB';

CREATE TEMPORARY TABLE shops AS
SELECT id, name, merchant, row_number() OVER (ORDER BY id) - 1 AS number, count(*) OVER () AS shops FROM stores;

-- One row per order. Every so many are failed ones, in four ways.
CREATE TEMPORARY TABLE made AS
SELECT i,
    'order-' || lpad(i::text, 10, '0') AS order_id,
    overlay(overlay(overlay(overlay(lpad(to_hex(at), 12, '0') || '7' || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15)
        placing '-' from 9 for 0) placing '-' from 14 for 0) placing '-' from 19 for 0) placing '-' from 24 for 0) AS job_id,
    at,
    3000 + (i * 7919) % 97000 AS amount,
    CASE WHEN i % ((:finished + :failed) / :failed) <> 0 THEN 'succeeded'
        WHEN i / ((:finished + :failed) / :failed) % 10 < 6 THEN 'declined'
        WHEN i / ((:finished + :failed) / :failed) % 10 < 8 THEN 'parked'
        WHEN i / ((:finished + :failed) / :failed) % 10 < 9 THEN 'void'
        ELSE 'discarded' END AS state
FROM (
    SELECT i, (extract(epoch FROM now()) * 1000)::bigint - (:days * 86400000.0 * (1 - i::numeric / (:finished + :failed)))::bigint AS at
    FROM generate_series(1::bigint, :finished + :failed) AS i
) AS numbers;

CREATE TEMPORARY TABLE failures AS
SELECT i,
    CASE state WHEN 'declined' THEN (ARRAY['REJECT_CARD_COMPANY', 'NOT_ENOUGH_BALANCE', 'EXCEED_MAX_DAILY_PAYMENT_COUNT'])[(1 + i % 3)::int]
        WHEN 'parked' THEN (ARRAY['UNAUTHORIZED_KEY', 'NO_ANSWER'])[(1 + i % 2)::int]
        WHEN 'void' THEN 'CONFIRM_WINDOW_OVER' ELSE 'NO_ANSWER' END AS code,
    CASE state WHEN 'declined' THEN 'refused' WHEN 'parked' THEN (ARRAY['broken', 'unanswered'])[(1 + i % 2)::int]
        WHEN 'discarded' THEN 'unanswered' END AS class
FROM made WHERE state <> 'succeeded';
CREATE UNIQUE INDEX ON failures (i);

INSERT INTO orders (id, store_id, store_name, merchant, customer_name, customer_email, customer_phone, address, items_amount, delivery_fee,
    amount, tax_free_amount, order_name, state, pay_by, version, created_at, updated_at)
SELECT order_id, shops.id, shops.name, shops.merchant,
    (ARRAY['김','이','박','최','정','강','조','윤','장','임'])[(1 + (i * 31) % 10)::int]
        || (ARRAY['민준','서연','도윤','하은','시우','지우','예준','수아','주원','지호','유나','현우','다은','건우','채원'])[(1 + (i * 17) % 15)::int]
        || CASE WHEN i % 50 = 0 THEN '-' || i ELSE '' END,
    NULL, '010' || lpad(((i * 7368787) % 100000000)::text, 8, '0'), '서울 마포구 양화로 ' || i % 300, amount, 0,
    amount, 0, '마라탕 외 1건', 'paying', at + 2700000, 3, at, at
FROM made JOIN shops ON number = i % shops;

INSERT INTO payments (order_id, store_id, payment_key, merchant, amount, balance, state, accepted_at, confirm_by, approved_at, next_cancel_at,
    review_reason, review_since, version, updated_at)
SELECT order_id, shops.id, 'tgen_' || to_char(to_timestamp(at / 1000), 'YYYYMMDDHH24MISS') || substr(md5(i::text), 1, 6), shops.merchant,
    amount, CASE state WHEN 'succeeded' THEN amount ELSE 0 END,
    CASE state WHEN 'succeeded' THEN 'confirmed' WHEN 'parked' THEN 'confirm_unresolved' WHEN 'void' THEN 'expired' ELSE 'failed' END,
    at, at + 600000, CASE state WHEN 'succeeded' THEN at + 500 END, 0,
    CASE state WHEN 'parked' THEN 'gave_up' END, CASE state WHEN 'parked' THEN at + 900 END, 2, at + 900
FROM made JOIN shops ON number = i % shops;

INSERT INTO jobs (id, kind, order_id, store_id, merchant, state, claims, key_generation, due_at, runnable_since, publications, rerun_wanted,
    last_code, last_message, park_reason, worker, created_at, updated_at, ended_at, amount, last_class)
SELECT job_id, 'confirm', order_id, shops.id, shops.merchant, state, 1, 1, at + 20000, at, 0, false,
    code, CASE WHEN code IS NOT NULL THEN '결제가 승인되지 않았습니다.' END, CASE state WHEN 'parked' THEN 'gave_up' END, 'worker-1',
    at, at + 900, CASE WHEN state <> 'parked' THEN at + 900 END, amount, class
FROM made JOIN shops ON number = i % shops LEFT JOIN failures USING (i);

INSERT INTO attempts (job_id, number, order_id, claim, operation, key_generation, idempotency_key, call, started_at, finished_at, duration_ms,
    http_status, code, message, verdict, answer, is_stale, worker, merchant)
SELECT job_id, 1, order_id, 1, 'confirm', 1, md5(job_id), '{"operation":"confirm"}', at + 100, at + 900, 200 + (i * 13) % 1200,
    200, code, NULL, CASE WHEN code IS NULL THEN 'proven' ELSE coalesce(class, 'refused') END, '{"status":"DONE"}', false, 'worker-1',
    shops.merchant
FROM made JOIN shops ON number = i % shops LEFT JOIN failures USING (i) WHERE state <> 'void';

INSERT INTO webhooks (id, transmission_id, kind, order_id, has_payment, status, source, headers, body, state, deliveries, received_at,
    changed_at)
SELECT 'webhook-' || i, 'transmission-' || i, 'payment', order_id, true, 'DONE', '10.0.0.1', '{}', '{}', 'looked_up', 1, at + 1000, at + 1000
FROM made WHERE i % 20 = 0;

INSERT INTO audit (id, actor, role, action, subject, store_id, reason, at)
SELECT 'audit-' || lpad(i::text, 10, '0'), 'system', 'system', CASE WHEN i % 2 = 0 THEN 'job.retry' ELSE 'cancel.request' END, order_id,
    shops.id, '고객 문의', at
FROM made JOIN shops ON number = i % shops WHERE i % 50 = 0;

INSERT INTO findings (id, kind, merchant, order_id, payment_key, detail, happened_at, state, first_seen_at, last_seen_at)
SELECT 'finding-' || i, 'amount_differs', shops.merchant, order_id, 'tgen_' || i, 'both sides differ', at, 'open', at, at
FROM made JOIN shops ON number = i % shops WHERE i % 2000 = 0;

VACUUM (ANALYZE) orders, payments, jobs, attempts, webhooks, audit, findings;
