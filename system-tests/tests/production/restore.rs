//! docs/backup.md with PostgreSQL: dumped under load, restored while nothing runs, recovered.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::json;

use crate::fleet::{Shape, on_a_fleet};
use crate::load::ids;

/// Confirms that are under way while the backup is made.
const UNDER_WAY: usize = 10;
/// Payments that are made after it.
const SINCE: usize = 5;

/// One of PostgreSQL's programs: on the path, or where Debian puts it.
fn run_postgres(program: &str, arguments: &[&str]) {
    let found = Command::new(program).args(arguments).output();
    let found = found.unwrap_or_else(|error| {
        panic!("{program} cannot be started ({error}): install PostgreSQL's client")
    });
    assert!(found.status.success(), "{program}: {}", String::from_utf8_lossy(&found.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_made_under_load_is_restored_and_recovered_and_nobody_pays_twice() {
    on_a_fleet(Shape { has_servers: true, apis: 1, workers: 2 }, async |fleet| {
        let slow = json!({"kind": "delay", "ms": 2_000});
        let under_way = fleet.prepare_with(UNDER_WAY, &slow).await;
        let since = fleet.prepare(SINCE).await;
        for checkout in &under_way {
            assert_eq!(fleet.confirm(0, checkout).await.status(), Some(202));
        }
        let url = fleet.database_url();
        let folder = tempfile::tempdir().unwrap();
        let dump = folder.path().join("seungin.dump");
        let dump = Path::to_str(&dump).unwrap();
        run_postgres("pg_dump", &["--format=custom", "--file", dump, &url]);
        assert_eq!(fleet.rows.paid(&ids(&under_way)).await, 0, "the backup was made too late");

        // Life goes on, until the database is lost.
        for checkout in &since {
            assert_eq!(fleet.confirm(0, checkout).await.status(), Some(202));
        }
        for checkouts in [&under_way, &since] {
            let orders = ids(checkouts);
            fleet.rows.wait_for_paid(&orders, orders.len(), Instant::now()).await;
        }
        fleet.apis.drain(..).for_each(|api| api.process.kill());
        fleet.workers.drain(..).for_each(system_tests::Process::kill);
        let (server, name) = url.rsplit_once('/').unwrap();
        let maintenance = format!("--maintenance-db={server}/postgres");
        // The test itself is still connected.
        run_postgres("dropdb", &["--force", &maintenance, name]);
        run_postgres("createdb", &[&maintenance, name]);
        let into = ["--single-transaction", "--no-owner", "--dbname", &url, dump];
        run_postgres("pg_restore", &into);
        // The heartbeats in the dump are seconds old, and their workers were killed.
        let recover = ["recover", "--since", "2026-01-01", "--json", "--beside-running"];
        let recovered = fleet.command(&recover);
        assert_eq!(recovered.code, 0, "{}", recovered.said);
        let told: serde_json::Value = serde_json::from_str(&recovered.said).expect("JSON");
        assert_eq!(told["confirms"], UNDER_WAY, "{told}");

        fleet.start_api();
        fleet.start_worker(&[]);
        fleet.wait_until_ready().await;
        let orders = ids(&under_way);
        fleet.rows.wait_for_paid(&orders, orders.len(), Instant::now()).await;
        // The rows of these payments were lost. Their customers come back, and are not charged again.
        for checkout in &since {
            assert_eq!(fleet.confirm(0, checkout).await.status(), Some(202));
        }
        let orders = ids(&since);
        fleet.rows.wait_for_paid(&orders, orders.len(), Instant::now()).await;
        for checkout in &under_way {
            let entry = fleet.ledger_entry(&checkout.order.id).await;
            assert_eq!(entry["calls"]["confirm"], 1, "sent again: {entry}");
        }
    })
    .await;
}
