//! Several processes on one database: each has a store of its own.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, Database, TransactionOptions, TransactionTrait as _};
use store::orders::CreateOrder;
use store::scratch::Scratch;
use store::{Store, StoreOptions};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::fixture::*;

#[tokio::test]
async fn of_several_runners_of_migrations_at_once_every_one_finds_the_schema_done() {
    for scratch in [Scratch::on_sqlite(), Scratch::on_postgres().await] {
        let runners = (0..4).map(|_| async {
            let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
            store.migrate().await.unwrap();
            store.check().await.unwrap();
        });
        futures_util::future::join_all(runners).await;
    }
}

#[tokio::test]
async fn a_migration_that_takes_longer_than_any_statement_may_is_waited_for_by_the_other_runners() {
    let scratch = Scratch::on_postgres().await;
    let rows = Database::connect(scratch.url()).await.unwrap();
    // The first migration takes longer than a statement, and an idle transaction, of the product may.
    rows.execute_unprepared(
        "CREATE TABLE seaql_migrations (version VARCHAR PRIMARY KEY, applied_at BIGINT NOT NULL);
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_sleep(16.5); RETURN NEW; END $$;
         CREATE TRIGGER slow BEFORE INSERT ON seaql_migrations FOR EACH ROW
         WHEN (NEW.version LIKE '%000001%') EXECUTE FUNCTION slow()",
    )
    .await
    .unwrap();
    let runners = (0..2).map(|_| async {
        let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
        store.migrate().await.unwrap();
        store.check().await.unwrap();
    });
    futures_util::future::join_all(runners).await;
}

#[tokio::test]
async fn a_migration_waits_for_a_table_no_longer_than_everybody_may_wait_behind_it() {
    let scratch = Scratch::on_postgres().await;
    let rows = Database::connect(scratch.url()).await.unwrap();
    rows.execute_unprepared(
        "CREATE TABLE seaql_migrations (version VARCHAR PRIMARY KEY, applied_at BIGINT NOT NULL)",
    )
    .await
    .unwrap();
    let held = rows.begin_with_options(TransactionOptions::default()).await.unwrap();
    held.execute_unprepared("LOCK TABLE seaql_migrations").await.unwrap();
    let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
    let error = timeout(Duration::from_secs(60), store.migrate()).await.expect("a bounded wait");
    let told = error.unwrap_err().with_causes();
    assert!(told.contains("lock timeout"), "{told}");
    held.rollback().await.unwrap();
    store.migrate().await.unwrap();
}

#[tokio::test]
async fn a_schema_that_is_not_this_versions_is_told_with_what_to_do() {
    for scratch in [Scratch::on_sqlite(), Scratch::on_postgres().await] {
        let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
        let missing = store.check().await.unwrap_err().to_string();
        assert!(missing.contains("run `seungin migrate`"), "{missing}");
        store.migrate().await.unwrap();
        let rows = Database::connect(scratch.url()).await.unwrap();
        let later = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_later', 0)";
        rows.execute_unprepared(later).await.unwrap();
        let newer = store.check().await.unwrap_err().to_string();
        assert!(newer.contains("newer than this program"), "{newer}");
    }
}

#[tokio::test]
async fn a_change_by_another_process_wakes_who_waits_for_that_order() {
    let scratch = Scratch::on_postgres().await;
    let options = StoreOptions::new(scratch.url());
    let (here, there) =
        (Store::open(&options).await.unwrap(), Store::open(&options).await.unwrap());
    here.migrate().await.unwrap();
    here.import_catalogue(&store::Actor::system(), &catalogue()).await.unwrap();
    let wanted = CreateOrder { proposed_id: Some(order_id("watched-order-1")), ..gimbap_order() };
    let order = here.create_order(&wanted).await.unwrap().order.order.id;
    let stop = CancellationToken::new();
    let following = tokio::spawn({
        let (here, stop) = (here.clone(), stop.clone());
        async move { here.follow_changes(&stop).await }
    });
    let watch = here.watch(order.as_str());
    // Listening begins with a wake-up for everybody, because of what was not heard before.
    timeout(Duration::from_secs(10), watch.changed()).await.expect("it listens");
    let changed = watch.changed();
    tokio::pin!(changed);
    changed.as_mut().enable();
    there.close_order(&order, None).await.unwrap();
    timeout(Duration::from_secs(10), changed).await.expect("a wake-up from the other process");
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_away_is_an_error_within_the_wait_and_no_hanging() {
    // Nobody answers on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let wait_max = Duration::from_millis(300);
    let url = format!("postgres://nobody:nothing@127.0.0.1:{port}/nowhere");
    let lazy = StoreOptions { wait_max, is_lazy: true, ..StoreOptions::new(&url) };
    let store = Store::open(&lazy).await.expect("a lazy store opens without its database");
    let error = timeout(Duration::from_secs(5), store.now_ms()).await.expect("an answer");
    assert!(error.is_err());
    let eager = StoreOptions { wait_max, ..StoreOptions::new(&url) };
    assert!(
        timeout(Duration::from_secs(5), Store::open(&eager)).await.expect("an answer").is_err()
    );
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced_without_anybody_hearing_of_it() {
    let scratch = Scratch::on_postgres().await;
    let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
    store.migrate().await.unwrap();
    // All of them at once, and in use a moment ago.
    let several = (0..8).map(|_| store.read_holds());
    assert!(futures_util::future::join_all(several).await.iter().all(Result::is_ok));
    let operator = sea_orm::Database::connect(scratch.url()).await.unwrap();
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    operator.execute_unprepared(ended).await.unwrap();
    for _ in 0..20 {
        store.read_holds().await.unwrap();
    }
    operator.close().await.unwrap();
}
