//! What goes wrong and when: chosen by luck, and so the same for the same seed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::luck::Luck;
use crate::proxy::Trouble;
use crate::topology::{Part, Server};

/// Between the beginnings of two faults.
const PAUSE_MS: (i64, i64) = (1_200, 4_000);
/// Before the first one, so that there is something to be lost.
const LEAD: Duration = Duration::from_secs(3);
/// How long most of them last.
const LASTS_MS: (i64, i64) = (1_000, 7_000);
/// Longer than a lease, for those that are meant to outlast one.
const LEASE_OVER_MS: (i64, i64) = (21_000, 28_000);
/// How wrong a clock is: from seconds to ten minutes, either way.
const SKEW_S: [i64; 4] = [-600, -61, 67, 600];

/// What is done to the database as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToDatabase {
    Restart,
    Crash,
    /// Every session of the product is ended.
    EndSessions,
}

/// What is done to the broker as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToBroker {
    Restart,
    Crash,
    /// It comes back with nothing of what it had.
    LoseDisk,
    /// Its application stops and starts: connections are closed with a reason.
    StopApplication,
    CloseConnections,
    PurgeQueues,
    DeleteQueue,
    /// The memory alarm: who publishes is blocked.
    Alarm,
}

/// How webhooks come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mail {
    Twice,
    Reordered,
    Early,
    Late,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fault {
    Kill(Part),
    /// It stands still and goes on.
    Freeze(Part),
    /// A worker is started anew with a clock that is wrong by so many seconds.
    WrongClock(Part, i64),
    /// APIs and workers are started anew in good order, one after the other.
    Roll,
    Link(Part, Server, Trouble),
    Database(ToDatabase),
    Broker(ToBroker),
    /// What the simulator does to some of its calls.
    Toss(Chance),
    Mail(Mail),
}

/// A random fault of the simulator.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chance {
    pub(super) kind: &'static str,
    pub(super) operation: &'static str,
    pub(super) percent: i64,
    pub(super) more: Value,
}

/// A fault with its time, counted from the campaign's beginning.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planned {
    pub(super) at: Duration,
    /// Nothing for what is over at once.
    pub(super) lasts: Duration,
    pub(super) fault: Fault,
}

impl Fault {
    /// The row of the table that it is counted in.
    pub(super) fn kind(&self) -> String {
        let server = |server: &Server| match server {
            Server::Database => "the database",
            Server::Broker => "the broker",
            Server::Toss => "Toss",
            Server::Api => "an API",
        };
        match self {
            Fault::Kill(part) => format!("kill -9 of {}", part.kind()),
            Fault::Freeze(part) => format!("{} stands still", part.kind()),
            Fault::WrongClock(..) => "a worker's clock is wrong".to_owned(),
            Fault::Roll => "rolling restart".to_owned(),
            Fault::Link(_, to, trouble) => {
                let what = match trouble {
                    Trouble::Cut => "cut",
                    Trouble::Refused => "refused",
                    Trouble::Slow(_) => "slow",
                    Trouble::Silent => "silent",
                    Trouble::Deaf => "one way broken, to it",
                    Trouble::Mute => "one way broken, from it",
                    Trouble::HalfOpen => "half open",
                };
                format!("connections to {}: {what}", server(to))
            }
            Fault::Database(what) => match what {
                ToDatabase::Restart => "the database is restarted".to_owned(),
                ToDatabase::Crash => "the database crashes".to_owned(),
                ToDatabase::EndSessions => "the database ends every session".to_owned(),
            },
            Fault::Broker(what) => match what {
                ToBroker::Restart => "the broker is restarted".to_owned(),
                ToBroker::Crash => "the broker crashes".to_owned(),
                ToBroker::LoseDisk => "the broker loses its disk".to_owned(),
                ToBroker::StopApplication => "the broker's application stops".to_owned(),
                ToBroker::CloseConnections => "the broker closes connections".to_owned(),
                ToBroker::PurgeQueues => "queues are purged".to_owned(),
                ToBroker::DeleteQueue => "a queue is deleted".to_owned(),
                ToBroker::Alarm => "the broker blocks publishers".to_owned(),
            },
            Fault::Toss(chance) => format!("Toss: {} on {}", chance.kind, chance.operation),
            Fault::Mail(mail) => match mail {
                Mail::Twice => "webhooks come twice".to_owned(),
                Mail::Reordered => "webhooks are reordered".to_owned(),
                Mail::Early => "webhooks come before the answer".to_owned(),
                Mail::Late => "webhooks are held back".to_owned(),
            },
        }
    }

    /// The fault with its particulars, for the log.
    pub(super) fn told(&self) -> String {
        match self {
            Fault::Kill(part) | Fault::Freeze(part) => format!("{} ({})", self.kind(), part.name()),
            Fault::WrongClock(part, by_s) => {
                format!("{} by {by_s} s ({})", self.kind(), part.name())
            }
            Fault::Link(part, ..) => format!("{} ({})", self.kind(), part.name()),
            Fault::Toss(chance) => format!("{}, {} %", self.kind(), chance.percent),
            Fault::Roll | Fault::Database(_) | Fault::Broker(_) | Fault::Mail(_) => self.kind(),
        }
    }
}

/// Everything that goes wrong within a time, by a seed. All kinds come before any comes again.
pub(super) fn plan(seed: u64, within: Duration) -> Vec<Planned> {
    let mut luck = Luck::new(seed);
    let mut planned = Vec::new();
    let mut at = LEAD;
    loop {
        let (mut heavy, mut light) = (heavy_deck(&mut luck), light_deck(&mut luck));
        // By turns, so that a short campaign has what happens to whole processes and servers, too.
        while let Some(fault) = next(&mut luck, &mut heavy, &mut light) {
            if at >= within {
                return planned;
            }
            let lasts = lasts(&mut luck, &fault).min(within - at);
            planned.push(Planned { at, lasts, fault });
            at += millis(luck.between(PAUSE_MS.0, PAUSE_MS.1));
        }
    }
}

/// One of both, as long as there are both.
fn next(luck: &mut Luck, heavy: &mut Vec<Fault>, light: &mut Vec<Fault>) -> Option<Fault> {
    let is_heavy = !heavy.is_empty() && (light.is_empty() || luck.one_in(2));
    luck.take(if is_heavy { heavy } else { light })
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

fn lasts(luck: &mut Luck, fault: &Fault) -> Duration {
    let outlasts_a_lease = match fault {
        Fault::Freeze(Part::Worker(_)) | Fault::WrongClock(..) => true,
        // Long enough for whoever is at the other end to give the connection up by itself; or short, and what was held back arrives.
        Fault::Link(
            _,
            Server::Database | Server::Broker | Server::Toss,
            Trouble::Silent | Trouble::Deaf | Trouble::Mute | Trouble::HalfOpen,
        ) => luck.one_in(2),
        Fault::Freeze(_)
        | Fault::Kill(_)
        | Fault::Roll
        | Fault::Link(..)
        | Fault::Database(_)
        | Fault::Broker(_)
        | Fault::Toss(_)
        | Fault::Mail(_) => false,
    };
    let (least, most) = if outlasts_a_lease { LEASE_OVER_MS } else { LASTS_MS };
    let lasts = millis(luck.between(least, most));
    match fault {
        Fault::Roll
        | Fault::Link(_, _, Trouble::Cut)
        | Fault::Database(_)
        | Fault::Broker(
            ToBroker::Restart
            | ToBroker::Crash
            | ToBroker::LoseDisk
            | ToBroker::CloseConnections
            | ToBroker::PurgeQueues
            | ToBroker::DeleteQueue,
        ) => Duration::ZERO,
        Fault::Broker(ToBroker::StopApplication | ToBroker::Alarm)
        | Fault::Kill(_)
        | Fault::Freeze(_)
        | Fault::WrongClock(..)
        | Fault::Link(..)
        | Fault::Toss(_)
        | Fault::Mail(_) => lasts,
    }
}

/// What happens to whole processes and servers: each kind once, to whom luck chooses.
fn heavy_deck(luck: &mut Luck) -> Vec<Fault> {
    let mut deck = vec![
        Fault::Kill(api(luck)),
        Fault::Kill(worker(luck)),
        Fault::Kill(worker(luck)),
        Fault::Kill(Part::Simulator),
        Fault::Freeze(api(luck)),
        Fault::Freeze(worker(luck)),
        Fault::Freeze(Part::Simulator),
        Fault::WrongClock(worker(luck), *luck.pick(&SKEW_S)),
        Fault::Roll,
    ];
    let to_database = [ToDatabase::Restart, ToDatabase::Crash, ToDatabase::EndSessions];
    deck.extend(to_database.map(Fault::Database));
    let to_broker = [
        ToBroker::Restart,
        ToBroker::Crash,
        ToBroker::LoseDisk,
        ToBroker::StopApplication,
        ToBroker::CloseConnections,
        ToBroker::PurgeQueues,
        ToBroker::DeleteQueue,
        ToBroker::Alarm,
    ];
    deck.extend(to_broker.map(Fault::Broker));
    deck
}

/// What happens to connections, calls and webhooks: each kind once, to whom luck chooses.
fn light_deck(luck: &mut Luck) -> Vec<Fault> {
    let mut deck = vec![Fault::Link(api(luck), Server::Api, trouble(luck))];
    for to in [Server::Database, Server::Broker, Server::Toss] {
        for trouble in [
            Trouble::Cut,
            Trouble::Refused,
            Trouble::Slow(millis(luck.between(50, 400))),
            Trouble::Silent,
            Trouble::Deaf,
            Trouble::Mute,
            Trouble::HalfOpen,
        ] {
            // Only workers speak to Toss.
            let part = if to == Server::Toss || luck.one_in(2) { worker(luck) } else { api(luck) };
            deck.push(Fault::Link(part, to, trouble));
        }
    }
    deck.extend(chances().into_iter().map(Fault::Toss));
    deck.extend([Mail::Twice, Mail::Reordered, Mail::Early, Mail::Late].map(Fault::Mail));
    deck
}

/// Faults of Toss: "before" and "after" are before and after the money moved.
fn chances() -> Vec<Chance> {
    let chance = |kind, operation, percent, more| Chance { kind, operation, percent, more };
    vec![
        chance("decline", "confirm", 30, json!({"code": "REJECT_CARD_COMPANY"})),
        chance("answer_code", "any", 40, json!({"code": "PROVIDER_ERROR"})),
        chance("delay", "any", 60, json!({"ms": 2_500})),
        chance("delay_after", "any", 60, json!({"ms": 2_500})),
        chance("server_error_before", "any", 100, json!({})),
        chance("server_error_after", "confirm", 60, json!({})),
        chance("server_error_after", "cancel", 60, json!({})),
        chance("cut_before", "any", 60, json!({})),
        chance("cut_after", "confirm", 60, json!({})),
        chance("cut_after", "cancel", 60, json!({})),
        chance("in_progress", "any", 50, json!({})),
        chance("unreadable", "any", 50, json!({})),
        chance("unreadable_before", "any", 50, json!({})),
        chance("throttle", "any", 50, json!({})),
        chance("wrong_payment", "any", 20, json!({})),
        chance("unknown_values", "any", 80, json!({})),
        chance("unauthorized", "any", 30, json!({})),
    ]
}

fn api(luck: &mut Luck) -> Part {
    *luck.pick(&[Part::Api(0), Part::Api(1)])
}

fn worker(luck: &mut Luck) -> Part {
    *luck.pick(&[Part::Worker(0), Part::Worker(1), Part::Worker(2)])
}

fn trouble(luck: &mut Luck) -> Trouble {
    *luck.pick(&[
        Trouble::Cut,
        Trouble::Refused,
        Trouble::Slow(millis(300)),
        Trouble::Silent,
        Trouble::Deaf,
        Trouble::Mute,
        Trouble::HalfOpen,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_schedule_and_another_seed_is_another_one() {
        let within = Duration::from_secs(600);
        assert_eq!(plan(7, within), plan(7, within));
        assert_ne!(plan(7, within), plan(8, within));
        let longer = plan(7, within * 2);
        assert_eq!(
            plan(7, within)[..10],
            longer[..10],
            "more time changes what was planned before"
        );
    }

    #[test]
    fn every_kind_comes_before_any_comes_again() {
        let kinds = |planned: &[Planned]| -> std::collections::BTreeSet<String> {
            planned.iter().map(|one| one.fault.kind()).collect()
        };
        let luck = &mut Luck::new(1);
        let count = heavy_deck(luck).len() + light_deck(luck).len();
        let planned = plan(3, Duration::from_secs(3_600));
        let first = kinds(&planned[..count]);
        let all = kinds(&planned);
        // Which trouble an API's own door has is chosen each time.
        let missing: Vec<_> =
            all.difference(&first).filter(|kind| !kind.contains("an API:")).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn nothing_goes_on_beyond_the_end() {
        let within = Duration::from_secs(120);
        let planned = plan(5, within);
        assert!(!planned.is_empty());
        assert!(planned.iter().all(|one| one.at + one.lasts <= within), "{planned:?}");
    }
}
