//! What waits is written as it was meant, together or one by one, or not at all.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use sea_orm::ActiveValue::Set;
use sea_orm::{FromQueryResult, Value};

use super::array::array;
use super::*;
use crate::connection::Store;
use crate::error::StoreError;
use crate::open::StoreOptions;
use crate::scratch::Scratch;
use crate::sql::Sql;

/// What is hardest to write: everything that means something in an array, and more than one row.
const HARD: [Option<&str>; 6] =
    [Some("NULL"), Some(""), Some(r#"{"a",\"b\"}"#), Some("김 \n\t,'$1"), None, Some("{}")];

/// A database with jobs `0`, `1`, … of as many orders, all of them queued.
async fn with_jobs(count: usize) -> (Scratch, Store) {
    let scratch = Scratch::make().await;
    let store = fill_with_jobs(&scratch, count).await;
    (scratch, store)
}

async fn fill_with_jobs(scratch: &Scratch, count: usize) -> Store {
    let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
    store.migrate().await.unwrap();
    let stores = "INSERT INTO stores (id, name, merchant, delivery_fee, minimum_order, is_open, created_at, updated_at)
        VALUES ('gimbap', '김밥', 'default', 0, 0, true, 0, 0)";
    store.db.execute_unprepared(stores).await.unwrap();
    for id in 0..count {
        for row in [
            format!(
                "INSERT INTO orders (id, store_id, store_name, merchant, customer_name, customer_phone, address, items_amount,
                    delivery_fee, amount, tax_free_amount, order_name, state, pay_by, version, created_at, updated_at)
                VALUES ('{id}', 'gimbap', '김밥', 'default', '손님', '01012345678', '서울', 1000, 0, 1000, 0, '김밥', 'paying', 9, 1, 0, 0)"
            ),
            format!(
                "INSERT INTO payments (order_id, store_id, payment_key, merchant, amount, balance, state, accepted_at, confirm_by,
                    next_cancel_at, version, updated_at)
                VALUES ('{id}', 'gimbap', 'key-{id}', 'default', 1000, 0, 'confirming', 0, 9, 0, 1, 0)"
            ),
            format!(
                "INSERT INTO jobs (id, kind, order_id, store_id, merchant, state, claims, key_generation, due_at, runnable_since,
                    publications, rerun_wanted, created_at, updated_at, amount)
                VALUES ('{id}', 'confirm', '{id}', 'gimbap', 'default', 'queued', 0, 1, 0, 0, 0, false, 0, 0, 1000)"
            ),
        ] {
            store.db.execute_unprepared(&row).await.unwrap();
        }
    }
    store
}

async fn job(connection: &impl ConnectionTrait, id: &str) -> job::Model {
    job::Entity::find_by_id(id).one(connection).await.unwrap().unwrap()
}

fn attempt(job_id: &str, answer: Option<&str>) -> attempt::Model {
    attempt::Model {
        job_id: job_id.to_owned(),
        number: 1,
        order_id: job_id.to_owned(),
        claim: 1,
        operation: "confirm".to_owned(),
        key_generation: 1,
        idempotency_key: Some(format!("key-{job_id}")),
        call_hash: None,
        call: None,
        started_at: i64::MAX,
        finished_at: None,
        duration_ms: None,
        http_status: Some(-1),
        code: None,
        message: None,
        verdict: None,
        trace_id: None,
        answer: answer.map(str::to_owned),
        is_stale: true,
        worker: "worker".to_owned(),
        merchant: "default".to_owned(),
    }
}

#[tokio::test]
async fn rows_that_wait_are_written_together_and_each_is_as_it_was_meant() {
    // One alone is written by another text than several.
    for at_once in [HARD.len(), 1] {
        let (_scratch, store) = with_jobs(HARD.len()).await;
        let numbered: Vec<(usize, Option<&str>)> = HARD.into_iter().enumerate().collect();
        for some in numbered.chunks(at_once) {
            let write = store.begin_write().await.unwrap();
            for (number, hard) in some {
                let mut row = job(&write.tx, &number.to_string()).await.into_active_model();
                row.last_message = Set(hard.map(str::to_owned));
                row.rerun_wanted = Set(number % 2 == 0);
                let changed = write.tx.change(row).unwrap();
                assert_eq!(changed.last_message.as_deref(), *hard);
                // Changed once more, in another column: both changes count.
                let mut row = changed.into_active_model();
                row.publications = Set(i32::MIN);
                write.tx.change(row).unwrap();
                write.tx.add(attempt(&number.to_string(), *hard));
            }
            write.commit().await.unwrap();
        }
        for (number, hard) in numbered {
            let id = number.to_string();
            let row = job(&store.db, &id).await;
            let told = (row.last_message.as_deref(), row.rerun_wanted, row.publications);
            assert_eq!(told, (hard, number % 2 == 0, i32::MIN));
            assert_eq!((row.state.as_str(), row.claims), ("queued", 0), "nothing else changed");
            let key = (id.clone(), 1);
            let added = attempt::Entity::find_by_id(key).one(&store.db).await.unwrap();
            assert_eq!(added, Some(attempt(&id, hard)));
        }
    }
}

#[tokio::test]
async fn one_row_of_several_of_a_key_of_two_columns_is_changed_alone() {
    let (_scratch, store) = with_jobs(1).await;
    let write = store.begin_write().await.unwrap();
    for number in [1, 2] {
        write.tx.add(attempt::Model { number, ..attempt("0", None) });
    }
    write.commit().await.unwrap();
    let of = |number| attempt::Entity::find_by_id(("0".to_owned(), number));
    let write = store.begin_write().await.unwrap();
    let mut row = of(2).one(&write.tx).await.unwrap().unwrap().into_active_model();
    row.code = Set(Some("only this one".to_owned()));
    write.tx.change(row).unwrap();
    write.commit().await.unwrap();
    let codes = [of(1), of(2)].map(|one| async { one.one(&store.db).await.unwrap().unwrap().code });
    let [first, second] = codes;
    assert_eq!((first.await, second.await), (None, Some("only this one".to_owned())));
}

#[tokio::test]
async fn whoever_asks_sees_what_waits_and_a_transaction_without_a_commit_leaves_nothing() {
    let (_scratch, store) = with_jobs(1).await;
    let write = store.begin_write().await.unwrap();
    let mut row = job(&write.tx, "0").await.into_active_model();
    row.claims = Set(7);
    write.tx.change(row).unwrap();
    assert_eq!(job(&write.tx, "0").await.claims, 7);
    drop(write);
    assert_eq!(job(&store.db, "0").await.claims, 0);
}

#[tokio::test]
async fn a_row_that_is_gone_is_an_error() {
    for others in [0, 1] {
        let (_scratch, store) = with_jobs(others + 1).await;
        let write = store.begin_write().await.unwrap();
        let mut rows = Vec::new();
        for id in 0..=others {
            rows.push(job(&write.tx, &id.to_string()).await);
        }
        job::Entity::delete_by_id(others.to_string()).exec(&write.tx).await.unwrap();
        for row in rows {
            let mut row = row.into_active_model();
            row.claims = Set(1);
            write.tx.change(row).unwrap();
        }
        write.commit().await.unwrap_err();
        assert_eq!(job(&store.db, "0").await.claims, 0);
    }
}

/// Renames orders as they and their payments were seen, and adds attempts of the same names, all at once.
async fn write_at_once(store: &Store, seen: &[Seen]) -> Result<(), StoreError> {
    let write = begin_at_once(store).await;
    for Seen { order, order_state, payment_state } in seen {
        write.tx.saw::<order::ActiveModel>(&order.id, order_state.clone());
        write.tx.saw::<payment::ActiveModel>(&order.id, payment_state.clone());
        let mut row = order.clone().into_active_model();
        row.order_name = Set("바뀐 이름".to_owned());
        write.tx.change(row)?;
        write.tx.add(attempt(&order.id, None));
    }
    write.commit().await
}

async fn begin_at_once(store: &Store) -> crate::connection::Write<'_> {
    let asked = Statement::from_string(DbBackend::Postgres, "SELECT 0::bigint AS now_ms");
    store.begin_write_at_once(&asked).await.unwrap().0
}

#[derive(FromQueryResult)]
struct Seen {
    #[sea_orm(nested)]
    order: order::Model,
    order_state: String,
    payment_state: String,
}

async fn with_orders_on_postgres(count: usize) -> (Scratch, Store, Vec<Seen>) {
    let scratch = Scratch::on_postgres().await;
    let store = fill_with_jobs(&scratch, count).await;
    let read = format!(
        "SELECT orders.*, {} AS order_state, {} AS payment_state FROM orders JOIN payments ON order_id = id",
        "CAST(orders.xmin AS text)", "CAST(payments.xmin AS text)"
    );
    let read = Statement::from_string(DbBackend::Postgres, read);
    let seen = Seen::find_by_statement(read).all(&store.db).await.unwrap();
    assert_eq!(seen.len(), count);
    (scratch, store, seen)
}

#[tokio::test]
async fn what_is_written_at_once_is_there_as_a_whole_or_not_at_all() {
    for count in [1, 3] {
        for others in [
            "UPDATE orders SET version = version WHERE id = '0'",
            "UPDATE payments SET version = version WHERE order_id = '0'",
            "DELETE FROM jobs; DELETE FROM payments WHERE order_id = '0'",
        ] {
            let (_scratch, store, seen) = with_orders_on_postgres(count).await;
            let locked = "SELECT 1 FROM orders, payments FOR UPDATE";
            store.db.execute_unprepared(locked).await.unwrap();
            store.db.execute_unprepared(others).await.unwrap();
            let error = write_at_once(&store, &seen).await.unwrap_err();
            assert!(error.needs_locks(), "{others}: {}", error.with_causes());
            let there = attempt::Entity::find().all(&store.db).await.unwrap();
            assert_eq!(there, [], "{others}");
            let rows = order::Entity::find().all(&store.db).await.unwrap();
            assert!(rows.iter().all(|row| row.order_name == "김밥"), "{others}");
        }
    }
}

#[tokio::test]
async fn what_is_written_at_once_does_not_mind_locks_that_are_over() {
    for count in [1, 3] {
        let (_scratch, store, seen) = with_orders_on_postgres(count).await;
        let locked = "SELECT 1 FROM orders, payments FOR UPDATE";
        store.db.execute_unprepared(locked).await.unwrap();
        write_at_once(&store, &seen).await.unwrap();
        let there = attempt::Entity::find().all(&store.db).await.unwrap();
        assert_eq!(there.len(), count);
        let rows = order::Entity::find().all(&store.db).await.unwrap();
        assert!(rows.iter().all(|row| row.order_name == "바뀐 이름"));
    }
}

#[tokio::test]
async fn whoever_writes_at_once_can_ask_for_nothing_more_and_change_nothing_unseen() {
    let (_scratch, store, _) = with_orders_on_postgres(1).await;
    let write = begin_at_once(&store).await;
    let error = order::Entity::find().all(&write.tx).await.unwrap_err();
    assert_eq!(error, DbErr::Custom(MORE_THAN_ONE.to_owned()));
    let error = write.tx.change(job(&store.db, "0").await.into_active_model()).unwrap_err();
    assert_eq!(error, DbErr::Custom(UNSEEN.to_owned()));
}

#[tokio::test]
async fn postgres_reads_every_array_as_it_was_written() {
    let scratch = Scratch::on_postgres().await;
    let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
    let text = prop::option::of("[^\\x00]{0,12}|[\"\\\\{},NULl ]{0,8}");
    let rows = prop::collection::vec((text, prop::option::of(any::<i64>())), 0..40);
    let mut runner = TestRunner::deterministic();
    for _ in 0..50 {
        let written = rows.new_tree(&mut runner).unwrap().current();
        let mut sql = Sql::new(DbBackend::Postgres);
        let texts = written.iter().map(|(text, _)| Some(Value::from(text.clone())));
        let texts = array(&mut sql, "text", texts).unwrap();
        let numbers = written.iter().map(|(_, number)| Some(Value::from(*number)));
        let numbers = array(&mut sql, "bigint", numbers).unwrap();
        let statement = sql.statement(format!(
            "SELECT text, number FROM unnest({texts}, {numbers}) WITH ORDINALITY AS new(text, number, place) ORDER BY place"
        ));
        let found = store.db.query_all_raw(statement).await.unwrap();
        let read: Vec<(Option<String>, Option<i64>)> = found
            .iter()
            .map(|row| (row.try_get("", "text").unwrap(), row.try_get("", "number").unwrap()))
            .collect();
        assert_eq!(read, written);
    }
}
