//! The queue: reachable, letting us in, and with what this program needs there, or free to make it.

use std::time::Duration;

use queue::rabbit::{RabbitConfig, Survey, SurveyError, survey};
use tokio::time::Instant;

use crate::config::{Config, QueueChoice};

use super::Finding;

const NAME: &str = "queue";
/// How long a broker that is away is tried: it may be on its way back.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Looks at it, and declares nothing: a prefix that was mistyped must not leave queues behind.
pub(super) async fn check(config: &Config) -> Finding {
    let QueueChoice::Rabbit(rabbit) = &config.queue else {
        return Finding::ok(NAME, "within the process");
    };
    let until = Instant::now().checked_add(PATIENCE);
    loop {
        let found = survey(rabbit).await;
        let is_over = until.is_none_or(|until| Instant::now() >= until);
        if is_over || !matches!(found, Err(SurveyError::Away(_))) {
            return judge(rabbit, &found);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

fn judge(config: &RabbitConfig, found: &Result<Survey, SurveyError>) -> Finding {
    let address = config.address();
    match found {
        Ok(Survey { missing, .. }) if missing.is_empty() => {
            Finding::ok(NAME, format!("RabbitMQ at {address}, with everything declared"))
        }
        Ok(Survey { missing, present: 0 }) => {
            let found =
                format!("RabbitMQ at {address}, with nothing of ours yet: {}", missing.join(", "));
            let advice = "the first process that starts makes it; if some have run before, correct queue.prefix";
            Finding::warn(NAME, found, advice)
        }
        Ok(Survey { missing, .. }) => {
            let found = format!("RabbitMQ at {address}, without {}", missing.join(", "));
            Finding::warn(
                NAME,
                found,
                "the next process that starts makes it; jobs wait in the database",
            )
        }
        Err(SurveyError::Unfit(reason)) => {
            let advice = "if another application uses what is named there, choose another queue.prefix; if it is Seungin's, \
                          from before queue.capacity_per_lane was changed, delete it once it is empty";
            Finding::fail(NAME, format!("{address} does not fit: {reason}"), advice)
        }
        Err(SurveyError::Denied(reason)) => {
            let advice = "correct user, password and vhost in queue.url, and give the user the rights to configure, write and read \
                          what begins with queue.prefix (rabbitmqctl set_permissions)";
            Finding::fail(NAME, format!("{address} does not let us in: {reason}"), advice)
        }
        Err(SurveyError::Away(why)) => {
            let advice = "start RabbitMQ, and correct queue.url if need be: host, port, TLS";
            Finding::fail(NAME, format!("{address} is not reached: {why}"), advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::doctor::Verdict;

    #[test]
    fn every_state_of_the_broker_is_told_with_what_to_do_and_without_the_password() {
        let config = RabbitConfig::parse("amqp://user:hush@broker.example/", "shop").unwrap();
        let missing = vec!["queue shop.confirm.v1".to_owned()];
        let words = "the broker's words".to_owned();
        for (found, status, told) in [
            (Ok(Survey { missing: Vec::new(), present: 8 }), Verdict::Ok, "everything"),
            (Ok(Survey { missing: missing.clone(), present: 0 }), Verdict::Warn, "shop.confirm.v1"),
            (Ok(Survey { missing, present: 7 }), Verdict::Warn, "without queue shop.confirm.v1"),
            (Err(SurveyError::Unfit(words.clone())), Verdict::Fail, "the broker's words"),
            (Err(SurveyError::Denied(words.clone())), Verdict::Fail, "the broker's words"),
            (Err(SurveyError::Away(words)), Verdict::Fail, "the broker's words"),
        ] {
            let finding = judge(&config, &found);
            assert_eq!(finding.status, status, "{finding:?}");
            assert_eq!(finding.advice.is_none(), status == Verdict::Ok);
            assert!(finding.found.contains(told) && finding.found.contains("broker.example"));
            assert!(!format!("{finding:?}").contains("hush"));
        }
    }
}
