//! Start order, and what a process says and does while it waits.

use serde_json::json;
use system_tests::{Home, Variables};

use crate::fleet::{RECOVERY_MAX, Shape, on_a_fleet};
use crate::load::ids;

const NOTHING_THERE: Shape = Shape { has_servers: false, apis: 2, workers: 2 };
const AMQP: (&str, &str) = ("AMQP_URL", "amqp://seungin:seungin@127.0.0.1:1/%2f");
const DATABASE: (&str, &str) = ("DATABASE_URL", "postgres://seungin:seungin@127.0.0.1:1/none");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_before_their_servers_wait_for_them_and_say_so() {
    on_a_fleet(NOTHING_THERE, async |fleet| {
        let mut processes: Vec<String> = fleet.apis.iter().map(|api| api.url.clone()).collect();
        processes.extend((0..fleet.workers.len()).map(|worker| fleet.health_of(worker)));
        for url in &processes {
            let live = fleet.client.get(&format!("{url}/livez")).await;
            assert_eq!((live.status, &live.body["status"]), (200, &json!("ok")));
            fleet.wait_for_ready(url, 503).await;
        }
        for worker in &mut fleet.workers {
            worker.wait_for("word of the database", |it| {
                it.said().contains("waiting for the database").then_some(())
            });
            worker.wait_for("word of the broker", |it| {
                it.said().contains("no connection to the queue's broker").then_some(())
            });
        }

        // A database without a schema is none yet.
        fleet.to_database.restore();
        for worker in &mut fleet.workers {
            worker.wait_for("word of the schema", |it| {
                it.said().contains("seungin migrate").then_some(())
            });
        }
        for url in &processes {
            fleet.wait_for_ready(url, 503).await;
        }
        let mut runners = ["first", "second"].map(|name| fleet.start_command(name, &["migrate"]));
        for runner in &mut runners {
            let (code, _) = runner.wait_for_end();
            assert_eq!(code, 0, "{}", runner.said());
        }
        fleet.migrate_and_import();
        for api in &fleet.apis {
            fleet.wait_for_ready(&api.url, 200).await;
        }

        // The API takes requests without a broker, and the workers make them true when there is one.
        let checkouts = fleet.prepare(6).await;
        fleet.accept_all(&checkouts).await;
        assert_eq!(fleet.rows.paid(&ids(&checkouts)).await, 0);
        fleet.to_broker.restore();
        let back = std::time::Instant::now();
        let first = fleet.rows.wait_for_paid(&ids(&checkouts), 1, back).await;
        println!("start order: the first was paid {first:?} after the broker came");
        assert!(first <= RECOVERY_MAX, "nothing was paid for {first:?}");
        fleet.rows.wait_for_paid(&ids(&checkouts), 6, back).await;
        for url in &processes {
            fleet.wait_for_ready(url, 200).await;
        }
    })
    .await;
}

fn variables(given: &[(&str, &str)]) -> Variables {
    given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_role_without_an_address_of_its_servers_ends_with_78_and_names_the_key() {
    let home = Home::new();
    for (role, given, key) in [
        ("api", &[AMQP][..], "database.url"),
        ("api", &[DATABASE], "queue.url"),
        ("worker", &[AMQP], "database.url"),
        ("worker", &[DATABASE], "queue.url"),
        ("api", &[DATABASE, AMQP], "security.token_key"),
    ] {
        let finished = home.finish("role", &[role], &variables(given));
        assert_eq!(finished.code, 78, "{role} {given:?}: {}", finished.said);
        assert!(finished.said.contains(key), "{role} {given:?}: {}", finished.said);
    }
}

#[test]
fn a_migration_of_a_database_that_is_not_there_ends_with_69() {
    let finished = Home::new().finish("migrate", &["migrate"], &variables(&[DATABASE]));
    assert_eq!(finished.code, 69, "{}", finished.said);
    assert!(finished.said.contains("does not answer"), "{}", finished.said);
}
