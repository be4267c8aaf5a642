//! Lists of jobs: complete page by page in every order, held to the caller's stores, counted and grouped up to a limit.

use domain::StoreId;
use domain::answer::FailureClass;
use domain::job::{JobKind, JobState};
use domain::role::Scope;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use store::orders::CreateOrder;
use store::{JobFilter, JobSet, JobSort, ListError};

use crate::fixture::{GIMBAP, MALA, Shop, confirm_of, gimbap_order, line, order_id, store_id, won};

const STATES: [JobState; 8] = JobState::ALL;

/// Orders with a confirm each, whose jobs differ in everything that lists are made by.
async fn fill(shop: &Shop, count: usize) {
    for number in 0..count {
        let id = format!("order-{number:02}");
        shop.order(&id).await;
        shop.store.accept_confirm(&confirm_of(&id)).await.unwrap();
        let state = STATES[number % STATES.len()];
        // Several share each instant and each amount.
        let at = 1_000 + i64::try_from(number / 3).unwrap();
        let ended = if state.is_live() { "NULL".to_owned() } else { at.to_string() };
        let code = if number % 2 == 0 { "'REJECT_CARD_COMPANY'" } else { "NULL" };
        let class = if number % 4 == 0 { "'refused'" } else { "NULL" };
        set_job(
            shop,
            &id,
            &format!(
                "state = '{}', created_at = {at}, updated_at = {}, runnable_since = {}, ended_at = {ended}, \
                 amount = {}, last_code = {code}, last_class = {class}, merchant = '{}'",
                state.word(),
                5_000 - at,
                (i64::try_from(number).unwrap() * 7) % 5,
                1_000 * (number % 4),
                if number % 5 == 0 { "second" } else { "first" },
            ),
        )
        .await;
    }
}

async fn set_job(shop: &Shop, order_id: &str, change: &str) {
    let sql = format!("UPDATE jobs SET {change} WHERE order_id = '{order_id}'");
    assert_eq!(shop.rows.execute_unprepared(&sql).await.unwrap().rows_affected(), 1);
}

fn every() -> JobFilter {
    JobFilter::all(Scope::Every)
}

fn scope(stores: &[&str]) -> Scope {
    Scope::Stores(stores.iter().map(|id| store_id(id)).collect())
}

/// Turns all pages and returns the jobs' orders as they came.
async fn listed(shop: &Shop, filter: &JobFilter, sort: JobSort, limit: u64) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None);
    for _ in 0..1_000 {
        let page = shop.store.list_jobs(filter, sort, after.as_deref(), limit).await.unwrap();
        assert!(page.rows.len() <= usize::try_from(limit).unwrap());
        ids.extend(page.rows.into_iter().map(|job| job.order_id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
    panic!("the pages do not end");
}

/// What the rows themselves say, in the order of a list.
async fn expected(shop: &Shop, condition: &str, order: &str) -> Vec<String> {
    let sql = format!("SELECT order_id FROM jobs WHERE {condition} ORDER BY {order}");
    let backend = shop.rows.get_database_backend();
    let rows = shop.rows.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "order_id").unwrap()).collect()
}

#[tokio::test]
async fn every_order_has_every_job_once_whatever_the_pages_size() {
    let shop = Shop::open().await;
    fill(&shop, 37).await;
    for (sort, order) in [
        (JobSort::Newest, "created_at DESC, id DESC"),
        (JobSort::Amount, "amount DESC, id DESC"),
        (JobSort::LastChange, "updated_at DESC, id DESC"),
    ] {
        let expected = expected(&shop, "TRUE", order).await;
        assert_eq!(expected.len(), 37);
        for limit in [1, 4, 36, 37, 200] {
            assert_eq!(listed(&shop, &every(), sort, limit).await, expected, "{sort:?} {limit}");
        }
    }
    let live = "state IN ('queued', 'running', 'waiting', 'parked')";
    let waiting = expected(&shop, live, "runnable_since, id").await;
    assert_eq!(listed(&shop, &every(), JobSort::OldestWaiting, 4).await, waiting);
}

#[tokio::test]
async fn every_filter_has_exactly_the_jobs_that_fulfil_it_in_every_order() {
    let shop = Shop::open().await;
    fill(&shop, 41).await;
    let failed = "state IN ('parked', 'declined', 'void', 'discarded')";
    let code = || Some("REJECT_CARD_COMPANY".to_owned());
    let filters = [
        (JobFilter { set: JobSet::Failed, ..every() }, failed.to_owned()),
        (JobFilter { set: JobSet::In(JobState::Void), ..every() }, "state = 'void'".to_owned()),
        (JobFilter { code: code(), ..every() }, "last_code = 'REJECT_CARD_COMPANY'".to_owned()),
        (
            JobFilter { code: code(), set: JobSet::Failed, ..every() },
            format!("last_code = 'REJECT_CARD_COMPANY' AND {failed}"),
        ),
        (
            JobFilter { class: Some(FailureClass::Refused), ..every() },
            "last_class = 'refused'".to_owned(),
        ),
        (
            JobFilter { merchant: Some("second".to_owned()), ..every() },
            "merchant = 'second'".to_owned(),
        ),
        (JobFilter { kind: Some(JobKind::Cancel), ..every() }, "FALSE".to_owned()),
        (
            JobFilter { from_ms: Some(1_003), to_ms: Some(1_009), ..every() },
            "created_at >= 1003 AND created_at < 1009".to_owned(),
        ),
        (
            JobFilter { amount_min: Some(won(1_000)), amount_max: Some(won(2_000)), ..every() },
            "amount BETWEEN 1000 AND 2000".to_owned(),
        ),
        (JobFilter { store_id: Some(store_id(GIMBAP)), ..every() }, "TRUE".to_owned()),
        (JobFilter { store_id: Some(store_id(MALA)), ..every() }, "FALSE".to_owned()),
    ];
    for (filter, condition) in filters {
        for (sort, order, more) in [
            (JobSort::Newest, "created_at DESC, id DESC", "TRUE"),
            (JobSort::Amount, "amount DESC, id DESC", "TRUE"),
            (JobSort::LastChange, "updated_at DESC, id DESC", "TRUE"),
            (
                JobSort::OldestWaiting,
                "runnable_since, id",
                "state IN ('queued', 'running', 'waiting', 'parked')",
            ),
        ] {
            let expected = expected(&shop, &format!("{condition} AND {more}"), order).await;
            assert_eq!(listed(&shop, &filter, sort, 3).await, expected, "{sort:?} {filter:?}");
        }
        let counts = shop.store.count_jobs(&filter).await.unwrap();
        let all = expected(&shop, &condition, "id").await.len();
        assert_eq!(counts.of(filter.set).count, u64::try_from(all).unwrap(), "{filter:?}");
        assert!(!counts.of(filter.set).is_floor);
    }
}

#[tokio::test]
async fn nobody_sees_jobs_of_stores_that_they_do_not_act_for() {
    let shop = Shop::open().await;
    fill(&shop, 9).await;
    let mala = CreateOrder {
        proposed_id: Some(order_id("mala-1")),
        store: store_id(MALA),
        lines: vec![line("guobaorou", 1, &[])],
        expected_amount: won(21_000),
        ..gimbap_order()
    };
    shop.store.create_order(&mala).await.unwrap();
    let confirm = store::AcceptConfirm { amount: won(21_000), ..confirm_of("mala-1") };
    shop.store.accept_confirm(&confirm).await.unwrap();
    let many: Vec<StoreId> = (0..90).map(|number| store_id(&format!("store-{number}"))).collect();
    let mut with_mala = many.clone();
    with_mala.push(store_id(MALA));
    for sort in JobSort::ALL {
        for (scope, expected) in [
            (scope(&[MALA]), vec!["mala-1"]),
            (scope(&[]), vec![]),
            (Scope::Stores(many.clone()), vec![]),
            (Scope::Stores(with_mala.clone()), vec!["mala-1"]),
        ] {
            let filter = JobFilter::all(scope.clone());
            assert_eq!(listed(&shop, &filter, sort, 3).await, expected, "{sort:?} {scope:?}");
            let text = store::SearchText::parse("order-03");
            let found = JobFilter { text, ..filter.clone() };
            assert!(listed(&shop, &found, sort, 3).await.is_empty());
            let code = Some("REJECT_CARD_COMPANY".to_owned());
            assert!(listed(&shop, &JobFilter { code, ..filter.clone() }, sort, 3).await.is_empty());
            let other = JobFilter { store_id: Some(store_id(GIMBAP)), ..filter };
            assert!(listed(&shop, &other, sort, 3).await.is_empty());
        }
    }
    let theirs = JobFilter::all(scope(&[MALA]));
    let counts = shop.store.count_jobs(&theirs).await.unwrap();
    assert_eq!(counts.of(JobSet::All).count, 1);
    assert_eq!(shop.store.group_jobs(&theirs).await.unwrap().groups.len(), 1);
}

#[tokio::test]
async fn jobs_that_come_or_change_while_pages_are_turned_move_none_of_the_newest_first() {
    let shop = Shop::open().await;
    fill(&shop, 12).await;
    let expected = listed(&shop, &every(), JobSort::Newest, 200).await;
    let first = shop.store.list_jobs(&every(), JobSort::Newest, None, 5).await.unwrap();
    shop.order("newcomer").await;
    shop.store.accept_confirm(&confirm_of("newcomer")).await.unwrap();
    set_job(&shop, &expected[8], "state = 'waiting', updated_at = 1, amount = 9").await;
    let rest = shop.store.list_jobs(&every(), JobSort::Newest, first.next.as_deref(), 200).await;
    let rest: Vec<_> = rest.unwrap().rows.into_iter().map(|job| job.order_id).collect();
    assert_eq!(rest, expected[5..]);
}

#[tokio::test]
async fn a_cursor_that_is_none_of_ours_is_refused() {
    let shop = Shop::open().await;
    for cursor in ["", "x", "12", "12.", "x.job-1", "12.a b", "99999999999999999999.job-1"] {
        let page = shop.store.list_jobs(&every(), JobSort::Newest, Some(cursor), 10).await;
        assert!(matches!(page, Err(ListError::UnknownCursor)), "{cursor:?}");
    }
}

#[tokio::test]
async fn jobs_are_grouped_by_kind_and_code_with_when_they_came_to_stand_so() {
    let shop = Shop::open().await;
    fill(&shop, 16).await;
    let filter = JobFilter { set: JobSet::In(JobState::Void), ..every() };
    let grouped = shop.store.group_jobs(&filter).await.unwrap();
    assert!(!grouped.is_cut);
    let [group] = grouped.groups.as_slice() else { panic!("{grouped:?}") };
    assert_eq!((group.kind, group.count), (JobKind::Confirm, 2));
    assert_eq!(group.code.as_deref(), Some("REJECT_CARD_COMPANY"));
    assert_eq!((group.first_seen_at_ms, group.last_seen_at_ms), (3_996, 3_998));
    let all = shop.store.group_jobs(&every()).await.unwrap();
    assert_eq!(all.groups.iter().map(|group| group.count).sum::<u64>(), 16);
    assert_eq!(all.groups.len(), 2, "with and without a code");
}

/// More rows than a page looks at, so that what is rare is found on a later one.
#[tokio::test]
async fn a_page_that_found_little_says_where_to_go_on_and_nothing_is_left_out() {
    let shop = Shop::open().await;
    shop.order("seed-order").await;
    shop.store.accept_confirm(&confirm_of("seed-order")).await.unwrap();
    set_job(
        &shop,
        "seed-order",
        "state = 'succeeded', created_at = 1, ended_at = 1, merchant = 'rare'",
    )
    .await;
    let columns = "kind, order_id, store_id, state, claims, key_generation, due_at, runnable_since, publications, \
         rerun_wanted, updated_at, amount, ended_at";
    let numbers = if shop.rows.get_database_backend() == DbBackend::Postgres {
        "SELECT n FROM generate_series(1, 21000) AS n"
    } else {
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 21000) SELECT n FROM numbers"
    };
    let sql = format!(
        "INSERT INTO jobs (id, merchant, created_at, {columns}) SELECT 'many-' || n, 'default', 1 + n / 2, {columns} \
         FROM jobs CROSS JOIN ({numbers}) AS numbered WHERE order_id = 'seed-order'"
    );
    shop.rows.execute_unprepared(&sql).await.unwrap();
    let rare = JobFilter {
        merchant: Some("rare".to_owned()),
        set: JobSet::In(JobState::Succeeded),
        ..every()
    };
    let first = shop.store.list_jobs(&rare, JobSort::Newest, None, 10).await.unwrap();
    assert!(first.rows.is_empty() && first.next.is_some());
    assert_eq!(listed(&shop, &rare, JobSort::Newest, 10).await, ["seed-order"]);
    let counts = shop.store.count_jobs(&rare).await.unwrap();
    let succeeded = counts.of(JobSet::In(JobState::Succeeded));
    assert_eq!((succeeded.count, succeeded.is_floor), (0, true), "some were not looked at");
    let counts = shop.store.count_jobs(&every()).await.unwrap();
    let succeeded = counts.of(JobSet::In(JobState::Succeeded));
    assert_eq!((succeeded.count, succeeded.is_floor), (10_000, true));
    assert!(shop.store.group_jobs(&every()).await.unwrap().is_cut);
}
