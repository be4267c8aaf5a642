//! Who does it: carries the planned faults out, each on its own time, and never two on one thing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::faults::{Chance, Fault, Mail, Planned, ToBroker, ToDatabase};
use crate::client::try_send;
use crate::clock::clear_dead_clocks;
use crate::log::Log;
use crate::process::Signal;
use crate::topology::{Part, QUEUE_PREFIX, Topology};

const LOOK_MAX: Duration = Duration::from_secs(3);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// How long a process that was started anew is waited for before the next one is stopped.
const ROLL_READY_MAX: Duration = Duration::from_secs(15);
/// How long queues may take to be declared again.
const DECLARED_MAX: Duration = Duration::from_secs(30);
/// The broker's share of memory before it blocks publishers, and the one that it has by itself.
const ALARM_AT: &str = "0.0000001";
const NO_ALARM_AT: &str = "0.4";

/// A fault that was.
#[derive(Debug, Clone)]
pub(super) struct Suffered {
    pub(super) kind: String,
    pub(super) over: Instant,
}

/// What each fault needs for itself alone, besides processes.
#[derive(Debug)]
struct Turns {
    links: Vec<Mutex<()>>,
    database: Mutex<()>,
    broker: Mutex<()>,
    toss: Mutex<()>,
    mail: Mutex<()>,
}

/// Carries all of it out; gives what was suffered, and what went otherwise than planned.
pub(super) async fn rage(
    topology: &Arc<Topology>,
    planned: Vec<Planned>,
    seed: u64,
    log: &Log,
) -> (Vec<Suffered>, Vec<String>) {
    let began = tokio::time::Instant::now();
    let turns = Turns {
        links: (0..topology.link_count()).map(|_| Mutex::default()).collect(),
        database: Mutex::default(),
        broker: Mutex::default(),
        toss: Mutex::default(),
        mail: Mutex::default(),
    };
    let nemesis = Nemesis { topology, turns: &turns, seed, log };
    let all = planned.into_iter().map(async |one| {
        tokio::time::sleep_until(began + one.at).await;
        let failed = nemesis.strike(&one).await.err();
        log.say(&format!("    over: {}", one.fault.told()));
        (Suffered { kind: one.fault.kind(), over: Instant::now() }, failed)
    });
    let (suffered, failed): (Vec<_>, Vec<_>) = join_all(all).await.into_iter().unzip();
    (suffered, failed.into_iter().flatten().collect())
}

#[derive(Clone, Copy)]
struct Nemesis<'n> {
    topology: &'n Arc<Topology>,
    turns: &'n Turns,
    seed: u64,
    log: &'n Log,
}

impl Nemesis<'_> {
    async fn strike(self, one: &Planned) -> Result<(), String> {
        let Planned { lasts, fault, .. } = one;
        match fault {
            Fault::Kill(part) => self.kill(*part, *lasts, fault).await,
            Fault::Freeze(part) => self.freeze(*part, *lasts, fault).await?,
            Fault::WrongClock(part, by_s) => self.set_clock(*part, *by_s, *lasts, fault).await?,
            Fault::Roll => self.roll(fault).await?,
            Fault::Link(part, to, trouble) => {
                let _turn = self.turns.links[self.topology.link_number(*part, *to)].lock().await;
                self.tell(fault);
                self.topology.disturb(*part, *to, *trouble);
                sleep(*lasts).await;
                self.topology.mend(*part, *to);
            }
            Fault::Database(what) => self.hit_database(*what, fault).await?,
            Fault::Broker(what) => self.hit_broker(*what, *lasts, fault).await?,
            Fault::Toss(chance) => self.disturb_toss(chance, *lasts, fault).await?,
            Fault::Mail(mail) => {
                let _turn = self.turns.mail.lock().await;
                self.tell(fault);
                let switch = match mail {
                    Mail::Twice => "duplicateWebhooks",
                    Mail::Reordered => "reorderWebhooks",
                    Mail::Early => "earlyWebhooks",
                    Mail::Late => "pauseWebhooks",
                };
                self.topology.set_simulator(&json!({switch: true})).await?;
                sleep(*lasts).await;
                self.topology.set_simulator(&json!({switch: false})).await?;
            }
        }
        Ok(())
    }

    fn tell(self, fault: &Fault) {
        self.log.say(&fault.told());
    }

    async fn kill(self, part: Part, lasts: Duration, fault: &Fault) {
        let mut slot = self.topology.slot(part).lock().await;
        self.tell(fault);
        slot.process.take().into_iter().for_each(crate::process::Process::kill);
        sleep(lasts).await;
        self.topology.start_process(&mut slot, &[]);
    }

    async fn freeze(self, part: Part, lasts: Duration, fault: &Fault) -> Result<(), String> {
        let slot = self.topology.slot(part).lock().await;
        self.tell(fault);
        let Some(process) = &slot.process else { return Err(not_there(part)) };
        process.signal(Signal::Stop);
        sleep(lasts).await;
        process.signal(Signal::Continue);
        Ok(())
    }

    /// Killed both times, because its end is not what this is about.
    async fn set_clock(
        self,
        part: Part,
        by_s: i64,
        lasts: Duration,
        fault: &Fault,
    ) -> Result<(), String> {
        let mut slot = self.topology.slot(part).lock().await;
        self.tell(fault);
        slot.process.take().into_iter().for_each(crate::process::Process::kill);
        clear_dead_clocks();
        let by = format!("{by_s:+}s");
        self.topology.start_process(&mut slot, &["faketime", "-f", &by]);
        sleep(lasts).await;
        let has_run = slot.process.as_mut().is_some_and(|process| process.ended().is_none());
        slot.process.take().into_iter().for_each(crate::process::Process::kill);
        self.topology.start_process(&mut slot, &[]);
        if has_run { Ok(()) } else { Err(not_there(part)) }
    }

    async fn roll(self, fault: &Fault) -> Result<(), String> {
        self.tell(fault);
        let mut failed = Vec::new();
        for slot in &self.topology.slots {
            let mut slot = slot.lock().await;
            if slot.part == Part::Simulator {
                continue;
            }
            if let Some(mut process) = slot.process.take() {
                let stopped = spawn_blocking(move || process.stop()).await;
                failed.extend(stopped.map_err(|error| error.to_string()).flatten().err());
            }
            self.topology.start_process(&mut slot, &[]);
            self.wait_for_ready(&slot.health).await;
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }

    /// As whoever rolls out a version waits; not for ever, because what it needs may be away.
    async fn wait_for_ready(self, url: &str) {
        let began = Instant::now();
        while began.elapsed() < ROLL_READY_MAX {
            let request = self.topology.client.request(Method::GET, &format!("{url}/readyz"));
            let answer = try_send(request.timeout(LOOK_MAX)).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return;
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    async fn hit_database(self, what: ToDatabase, fault: &Fault) -> Result<(), String> {
        let _turn = self.turns.database.lock().await;
        self.tell(fault);
        match what {
            ToDatabase::Restart => self.script(&["restart", "postgres"]).await,
            ToDatabase::Crash => self.script(&["restart", "--crash", "postgres"]).await,
            ToDatabase::EndSessions => {
                let sql = "select pg_terminate_backend(pid) from pg_stat_activity \
                           where application_name = 'seungin'";
                self.script(&["psql", "postgres", "-qAtc", sql]).await
            }
        }
    }

    async fn hit_broker(
        self,
        what: ToBroker,
        lasts: Duration,
        fault: &Fault,
    ) -> Result<(), String> {
        let _turn = self.turns.broker.lock().await;
        self.tell(fault);
        let lane = |lane: &str| format!("{QUEUE_PREFIX}.{lane}.v1");
        match what {
            ToBroker::Restart => self.script(&["restart", "rabbitmq"]).await,
            ToBroker::Crash => self.script(&["restart", "--crash", "rabbitmq"]).await,
            ToBroker::LoseDisk => {
                self.script(&["stop", "--wipe", "rabbitmq"]).await?;
                self.script(&["start", "rabbitmq"]).await
            }
            ToBroker::StopApplication => {
                self.script(&["ctl", "stop_app"]).await?;
                sleep(lasts).await;
                self.script(&["ctl", "start_app"]).await
            }
            ToBroker::CloseConnections => {
                self.persist(&["ctl", "close_all_connections", "the campaign closes them"]).await
            }
            ToBroker::PurgeQueues => {
                for one in ["confirm", "cancel", "look_up"] {
                    self.persist(&["ctl", "purge_queue", &lane(one)]).await?;
                }
                Ok(())
            }
            ToBroker::DeleteQueue => self.persist(&["ctl", "delete_queue", &lane("confirm")]).await,
            ToBroker::Alarm => {
                self.script(&["ctl", "set_vm_memory_high_watermark", ALARM_AT]).await?;
                sleep(lasts).await;
                self.script(&["ctl", "set_vm_memory_high_watermark", NO_ALARM_AT]).await
            }
        }
    }

    async fn disturb_toss(
        self,
        chance: &Chance,
        lasts: Duration,
        fault: &Fault,
    ) -> Result<(), String> {
        let _turn = self.turns.toss.lock().await;
        self.tell(fault);
        let Chance { kind, operation, percent, more } = chance;
        let mut one = json!({"kind": kind, "operation": operation, "percent": percent});
        for (name, value) in more.as_object().into_iter().flatten() {
            one[name] = value.clone();
        }
        let chance = json!({"seed": self.seed, "faults": [one]});
        self.topology.set_simulator(&json!({"chance": chance})).await?;
        sleep(lasts).await;
        self.topology.set_simulator(&json!({"chance": null})).await
    }

    /// The same until it works: a broker that just came back has no queues before somebody declares them.
    async fn persist(self, words: &[&str]) -> Result<(), String> {
        let began = Instant::now();
        loop {
            match self.script(words).await {
                Err(_) if began.elapsed() < DECLARED_MAX => sleep(BETWEEN_LOOKS).await,
                done => return done,
            }
        }
    }

    /// `scripts/servers`, on a thread of its own.
    async fn script(self, words: &[&str]) -> Result<(), String> {
        let topology = Arc::clone(self.topology);
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let run = spawn_blocking(move || {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            topology.servers.run(&words).map(drop)
        });
        run.await.map_err(|error| error.to_string())?
    }
}

fn not_there(part: Part) -> String {
    format!("{} was not there to get into trouble", part.name())
}
