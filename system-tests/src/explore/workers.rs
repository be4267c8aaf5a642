//! What workers do: take a job, call, write the answer down; and die or fall asleep between any two of these.

use std::collections::BTreeSet;

use domain::job::JobState;
use domain::{JobId, limits};
use store::{AttemptResult, JobRow, StartedAttempt};
use worker::Dispatcher;

use super::journey::{Journey, Weather};

/// How often workers die in calm weather: fewer than make a job look as if it killed them.
const CALM_CRASHES_MAX: u64 = 2;

/// What becomes of a worker that has claimed a job.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It does its work.
    Settles,
    /// It writes its answer twice, because it did not hear of the first time.
    SettlesTwice,
    /// It gives the job back without having called.
    GivesBack,
    DiesBeforeTheCall,
    DiesAfterTheCall,
    SleepsBeforeTheCall,
    SleepsAfterTheCall,
}

impl Fate {
    fn is_crash(self) -> bool {
        match self {
            Fate::Settles | Fate::SettlesTwice | Fate::GivesBack => false,
            Fate::DiesBeforeTheCall
            | Fate::DiesAfterTheCall
            | Fate::SleepsBeforeTheCall
            | Fate::SleepsAfterTheCall => true,
        }
    }
}

/// Whether it waits for another job of the same payment.
pub(crate) fn is_behind_another(job: &JobRow) -> bool {
    job.state == JobState::Waiting && job.last_code.as_deref() == Some("BEHIND_ANOTHER")
}

impl Journey<'_> {
    /// The relay publishes what is due.
    pub(crate) async fn relay(&mut self) {
        let due = self.shop.store.take_due_jobs(limits::RELAY_BATCH_MAX).await.unwrap();
        self.note(format!("relay: {} due", due.len()));
        relay::publish_now(&self.shop.store, self.shop.mail.as_ref(), &due).await;
    }

    pub(crate) fn tamper_with_mail(&mut self) {
        if self.shop.mail.len() > 0 {
            let what = self.shop.mail.tamper(&mut self.luck);
            self.note(format!("queue: what is on its way is {what}"));
        }
    }

    /// What time alone changes.
    pub(crate) async fn sweep(&mut self) {
        worker::sweep_once(&self.shop.store).await.unwrap();
        self.note("sweeper".to_owned());
    }

    fn worker(&mut self) -> Dispatcher {
        let worker = format!("worker-{}", self.luck.below(3) + 1);
        Dispatcher { worker, ..self.shop.dispatcher.clone() }
    }

    /// A worker takes what the queue delivers; what is due, if there is nothing.
    pub(crate) async fn work(&mut self) {
        if self.shop.mail.len() == 0 {
            self.relay().await;
        }
        let ids = self.shop.mail.deliver(4);
        let worker = self.worker();
        for attempt in worker.claim(&ids).await.unwrap() {
            let fate = self.fate();
            if fate.is_crash() {
                self.tally.crashes += 1;
            }
            self.meet(&worker, attempt, fate).await;
        }
    }

    fn fate(&mut self) -> Fate {
        let fate = self.luck.weigh(&[
            (18, Fate::Settles),
            (2, Fate::SettlesTwice),
            (1, Fate::GivesBack),
            (2, Fate::DiesBeforeTheCall),
            (2, Fate::DiesAfterTheCall),
            (3, Fate::SleepsBeforeTheCall),
            (3, Fate::SleepsAfterTheCall),
        ]);
        let is_enough = self.weather == Weather::Calm && self.tally.crashes >= CALM_CRASHES_MAX;
        if is_enough && fate.is_crash() { Fate::Settles } else { fate }
    }

    async fn meet(&mut self, worker: &Dispatcher, attempt: StartedAttempt, fate: Fate) {
        let what = self.attempted(&attempt);
        self.note(format!("{}: {what}, {fate:?}", worker.worker));
        match fate {
            Fate::DiesBeforeTheCall => drop(attempt),
            Fate::SleepsBeforeTheCall => self.asleep.push(attempt),
            Fate::GivesBack => self.shop.store.release_unsent(&[attempt]).await.unwrap(),
            Fate::DiesAfterTheCall => drop(self.call(worker, attempt).await),
            Fate::SleepsAfterTheCall => {
                let result = self.call(worker, attempt).await;
                self.unwritten.push(result);
            }
            Fate::Settles => {
                let result = self.call(worker, attempt).await;
                self.settle(worker, result).await;
            }
            Fate::SettlesTwice => {
                let result = self.call(worker, attempt).await;
                self.settle(worker, result.clone()).await;
                self.settle(worker, result).await;
            }
        }
    }

    fn attempted(&self, attempt: &StartedAttempt) -> String {
        let order_id = attempt.order_id().to_owned();
        let number = self.payings.iter().position(|paying| paying.order_id == order_id);
        let number = number.map_or(0, |number| number + 1);
        format!("{} of payment {number}, claim {}", attempt.operation().word(), attempt.claim())
    }

    async fn call(&mut self, worker: &Dispatcher, attempt: StartedAttempt) -> AttemptResult {
        let result = worker.call(attempt).await;
        let status = result.http_status.map_or("no answer".to_owned(), |it| it.to_string());
        self.note(format!("Toss: → {status}"));
        result
    }

    /// Writes an answer down, which decides something only for who still has the job.
    async fn settle(&mut self, worker: &Dispatcher, result: AttemptResult) {
        let job_id = JobId::parse(result.attempt.job_id()).unwrap();
        let job = self.shop.store.find_job(&job_id).await.unwrap().unwrap();
        let is_own = job.state == JobState::Running && job.claims == result.attempt.claim();
        let settled = worker.settle(result).await.unwrap();
        self.note(format!("{}: settled, {:?}", worker.worker, settled.next));
        self.ensure(is_own || settled.next.is_none(), || {
            "an answer decides about a job that somebody else has by now".to_owned()
        });
    }

    /// Somebody who slept before the call makes it now, and somebody who slept after it writes the answer down.
    pub(crate) async fn wake_somebody_up(&mut self) {
        let worker = self.shop.dispatcher.clone();
        if let Some(attempt) = self.luck.take(&mut self.asleep) {
            let what = self.attempted(&attempt);
            self.note(format!("a sleeper wakes up: {what}"));
            let result = self.call(&worker, attempt).await;
            self.unwritten.push(result);
        }
        if let Some(result) = self.luck.take(&mut self.unwritten) {
            let what = self.attempted(&result.attempt);
            self.note(format!("a sleeper writes: {what}"));
            self.settle(&worker, result).await;
        }
    }

    /// Does every job that is due, and moves the clock to the next one, for at most so long.
    pub(crate) async fn drain(&mut self, longest_ms: i64) {
        let until_ms = self.shop.now_ms + longest_ms;
        let worker = self.shop.dispatcher.clone();
        for round in 0..600 {
            if round % 20 == 19 && self.is_left_to_people().await {
                return;
            }
            let mut ids = self.shop.mail.deliver(usize::MAX);
            let due = self.shop.store.take_due_jobs(limits::RELAY_BATCH_MAX).await.unwrap();
            ids.extend(due.into_iter().map(|job| JobId::parse(job.id).unwrap()));
            if !ids.is_empty() {
                self.shop.tell_toss_the_time();
                for attempt in worker.claim(&ids).await.unwrap() {
                    self.meet(&worker, attempt, Fate::Settles).await;
                }
                continue;
            }
            match self.shop.store.next_due_ms().await.unwrap() {
                Some(next_ms) if next_ms <= until_ms => {
                    self.advance((next_ms - self.shop.now_ms).max(1));
                }
                Some(_) | None => return,
            }
        }
        self.breaks("the jobs never come to an end".to_owned());
    }

    /// Whether all that is left waits for a person, or behind something that does.
    async fn is_left_to_people(&self) -> bool {
        let jobs = self.jobs().await;
        let parked: BTreeSet<_> = jobs
            .iter()
            .filter(|job| job.state == JobState::Parked)
            .map(|job| job.order_id.clone())
            .collect();
        jobs.iter().filter(|job| job.state.is_live()).all(|job| {
            job.state == JobState::Parked
                || is_behind_another(job) && parked.contains(&job.order_id)
        })
    }
}
