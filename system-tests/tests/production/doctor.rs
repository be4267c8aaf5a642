//! `seungin doctor` at real servers: what it says of a broker that does not let it in, and that it leaves nothing there.

use std::time::{Duration, Instant};

use queue::rabbit::scratch::Scratch as Broker;
use queue::rabbit::survey;
use serde_json::Value;
use system_tests::{Finished, Home};

/// Shorter than the time for which a broker is tried that is away.
const AT_ONCE: Duration = Duration::from_secs(8);

fn ask(broker: &Broker, url: String, arguments: &[&str]) -> Finished {
    let variables = vec![
        ("AMQP_URL".to_owned(), url),
        ("SEUNGIN__QUEUE__PREFIX".to_owned(), broker.prefix().to_owned()),
    ];
    Home::new().finish("doctor", &[&["doctor"], arguments].concat(), &variables)
}

#[test]
fn a_broker_that_does_not_let_us_in_is_told_at_once_in_one_line_and_without_the_password() {
    let broker = Broker::make();
    let (before, server) = broker.url().split_once('@').expect("an address with a user");
    let (user, _) = before.rsplit_once(':').expect("a user with a password");
    let (host, _) = server.split_once('/').expect("an address with a virtual host");
    // The first call of all builds the binary.
    assert_eq!(Home::new().finish("help", &["--help"], &Vec::new()).code, 0);
    for url in [format!("{user}:hush-hush@{server}"), format!("{before}@{host}/no-such-vhost")] {
        let began = Instant::now();
        let Finished { code, said } = ask(&broker, url, &[]);
        assert_eq!(code, 1, "{said}");
        assert!(began.elapsed() < AT_ONCE, "it took {:?}: {said}", began.elapsed());
        assert!(said.contains("does not let us in") && said.contains("set_permissions"), "{said}");
        assert!(!said.contains("hush-hush") && !said.contains("lapin"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prefix_that_nobody_uses_is_told_and_nothing_is_made_of_it() {
    let broker = Broker::make();
    let Finished { code, said } = ask(&broker, broker.url().to_owned(), &["--json"]);
    assert_eq!(code, 0, "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    let checks = told["checks"].as_array().unwrap();
    let queue = checks.iter().find(|check| check["name"] == "queue").unwrap();
    assert_eq!(queue["status"], "warn", "{queue}");
    let found = queue["found"].as_str().unwrap();
    assert!(found.contains(&format!("{}.confirm.v1", broker.prefix())), "{found}");
    assert!(queue["advice"].as_str().unwrap().contains("queue.prefix"), "{queue}");
    assert_eq!(survey(&broker.config()).await.unwrap().present, 0, "it left something behind");
}
