//! The campaign: production's shape under a mixed load, and everything that can go wrong goes wrong, by a schedule that a seed repeats.
//!
//! Two APIs, three workers and a simulator run as processes on a PostgreSQL and a RabbitMQ of the campaign's own, each connection through
//! a proxy that can fail (`topology`). Customers and staff come and come back (`customers`), somebody is on duty (`operator`), and `nemesis`
//! carries out what `faults` planned. Then it becomes calm, and when all is quiet the books of all sides are compared (`books`) and a table
//! is made of it (`report`). When they differ, logs, ledger and database stay in the directory.

mod customers;
mod faults;
mod nemesis;
mod operator;
mod report;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::books::{Books, heard};
use crate::customer::SIMULATOR_KEY;
use crate::log::Log;
use crate::topology::{Part, Topology, Wiring};
use customers::World;
use report::Report;

/// Orders per second, as long as the simulator remembers that many.
const PACE_MAX: u64 = 4;
/// What the simulator remembers, less a margin.
const PAYMENTS_MAX: u64 = 9_000;
/// How long customers still come when the last fault is over.
const AFTERWARDS: Duration = Duration::from_secs(15);
/// How long those who are there may take to end their stories.
const LEAVING_MAX: Duration = Duration::from_secs(400);
/// How long all jobs may take to end when nobody comes any more.
const QUIET_MAX: Duration = Duration::from_secs(420);
/// How long webhooks may take that are sent at once instead of in minutes.
const DELIVERY_MAX: Duration = Duration::from_secs(60);
/// The simulator remembers a thousand webhooks that are over: it is asked often enough to miss none.
const BETWEEN_LISTENS: Duration = Duration::from_secs(4);
const LISTEN_MAX: Duration = Duration::from_secs(3);
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Something that was accepted after a fault is paid within this time, whatever else goes wrong meanwhile.
const RECOVERY_MAX: Duration = Duration::from_secs(60);
/// No process of ours takes more than this: far above what any has taken.
const KIB_MAX: u64 = 400 * 1_024;
const THREADS_MAX: u64 = 64;

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// For how long something goes wrong.
    pub minutes: u64,
    /// What chooses.
    pub seed: u64,
}

/// Runs a campaign below a directory; gives whether nothing was lost, doubled or otherwise wrong, with what was.
///
/// # Errors
/// It could not be run.
pub async fn campaign(plan: Plan, directory: &Path) -> Result<bool, String> {
    let what = format!("campaign of {} minutes by seed {}", plan.minutes, plan.seed);
    let (topology, log) = Topology::open(directory, &what, Wiring::Breakable).await?;
    let topology = Arc::new(topology);
    let outcome = run(plan, &topology, &log).await;
    let mut told = topology.stop().await;
    let mut secrets = outcome.as_ref().map(Report::secrets).unwrap_or_default();
    secrets.extend(topology.secrets());
    secrets.extend([SIMULATOR_KEY, customers::ACCOUNT_NUMBER]);
    told.extend(said_wrong(topology.directory(), &secrets));
    let is_clean = match &outcome {
        Ok(report) => {
            let seconds = report.until_quiet.as_secs();
            log.say(&format!("all was over {seconds} s after the last fault\n\n{report}"));
            told.extend(report.told());
            report.is_clean() && told.is_empty()
        }
        Err(error) => {
            told.push(error.clone());
            false
        }
    };
    for one in &told {
        log.say(one);
    }
    topology.tidy_up(is_clean, &log);
    outcome.map(|_| is_clean)
}

async fn run(plan: Plan, topology: &Arc<Topology>, log: &Log) -> Result<Report, String> {
    for api in &topology.apis {
        let endpoint = json!({"url": format!("{api}/v1/webhooks/toss")});
        topology.post_to_simulator("/_sim/webhooks/endpoints", &endpoint).await?;
    }
    let world = World { topology: Arc::clone(topology), record: Arc::default() };
    let (calm, is_calm) = watch::channel(false);
    let (leave, is_over) = watch::channel(false);
    let (rest, is_quiet) = watch::channel(false);
    let on_duty = tokio::spawn(operator::be_on_duty(world.clone(), is_calm, is_quiet.clone()));
    let listening = tokio::spawn(listen(world.clone(), is_quiet));
    let crowd = tokio::spawn(come(world.clone(), plan, is_over));
    let watching = tokio::spawn(watch_processes(Arc::clone(topology), leave.subscribe()));

    let within = Duration::from_secs(plan.minutes * 60);
    let planned = faults::plan(plan.seed, within);
    log.say(&format!("{} faults are planned", planned.len()));
    let (suffered, failed) = nemesis::rage(topology, planned, plan.seed, log).await;
    let last = Instant::now();
    log.say("calm");
    calm.send_replace(true);
    topology.set_simulator(&json!({"chance": null})).await?;
    sleep(AFTERWARDS).await;
    leave.send_replace(true);
    let crowd = timeout(LEAVING_MAX, crowd).await.map_err(|_| "customers do not leave")?;
    crowd.map_err(|error| format!("a customer: {error}"))?;
    log.say("all customers have left");
    let mut unquiet = topology.await_quiet(QUIET_MAX).await.err();
    let until_quiet = last.elapsed();
    rest.send_replace(true);
    on_duty.await.map_err(|error| format!("who is on duty: {error}"))?;
    listening.await.map_err(|error| format!("who listens: {error}"))?;
    // What Toss still has to tell would come in minutes; then nothing more comes, and what came of it is waited for.
    topology.deliver_webhooks(DELIVERY_MAX).await?;
    if unquiet.is_none() {
        unquiet = topology.await_quiet(QUIET_MAX).await.err();
    }
    let (peak, ended) = watching.await.map_err(|error| error.to_string())?;

    let books = Books::read(topology).await?;
    let recorded = world.record.note(|it| it.clone());
    let mut verdict = books.check(&recorded);
    verdict.broken.extend(unquiet.into_iter().chain(failed).chain(ended));
    let (kib, threads) = peak;
    if kib > KIB_MAX || threads > THREADS_MAX {
        verdict.broken.push(format!("a process took {kib} KiB and {threads} threads"));
    }
    let mut report =
        Report::new((plan.seed, plan.minutes), &suffered, recorded, books, verdict, RECOVERY_MAX);
    (report.until_quiet, report.peak) = (until_quiet, peak);
    Ok(report)
}

/// Writes down which webhooks were answered with 200, as long as the simulator remembers them.
async fn listen(world: World, is_over: watch::Receiver<bool>) {
    while !*is_over.borrow() {
        let url = format!("{}/_sim/webhooks", world.topology.simulator);
        let request = world.topology.client.request(reqwest::Method::GET, &url);
        if let Ok(answer) = crate::client::try_send(request.timeout(LISTEN_MAX)).await {
            let heard = heard(&answer.body);
            world.record.note(|it| it.heard.extend(heard));
        }
        sleep(BETWEEN_LISTENS).await;
    }
}

/// Customers come at a steady pace until it is over; ends when the last one has left.
async fn come(world: World, plan: Plan, mut is_over: watch::Receiver<bool>) {
    let pace = PACE_MAX.min(PAYMENTS_MAX / (plan.minutes * 60).max(1)).max(1);
    let mut tick = tokio::time::interval(Duration::from_millis(1_000 / pace));
    let mut crowd = JoinSet::new();
    let mut number = plan.seed.wrapping_mul(1_000_003);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = is_over.wait_for(|it| *it) => break,
        }
        number = number.wrapping_add(1);
        crowd.spawn(customers::shop(world.clone(), number));
        while let Some(left) = crowd.try_join_next() {
            note_left(&world, left);
        }
    }
    while let Some(left) = crowd.join_next().await {
        note_left(&world, left);
    }
}

fn note_left(world: &World, left: Result<(), JoinError>) {
    if let Err(error) = left {
        world.record.note(|it| it.broken.push(format!("a customer: {error}")));
    }
}

/// The most memory in KiB and the most threads that any process had, and who ended although nobody wanted it.
async fn watch_processes(
    topology: Arc<Topology>,
    mut is_over: watch::Receiver<bool>,
) -> ((u64, u64), Vec<String>) {
    let mut peak = (0, 0);
    let mut ended = Vec::new();
    loop {
        tokio::select! {
            () = sleep(BETWEEN_LOOKS) => {}
            _ = is_over.wait_for(|it| *it) => return (peak, ended),
        }
        for slot in &topology.slots {
            // Something is done to it just now.
            let Ok(mut slot) = slot.try_lock() else { continue };
            let part = slot.part;
            let Some(process) = &mut slot.process else { continue };
            if let Some(status) = process.ended() {
                ended.push(format!("{} ended by itself: {status}", process.name()));
                topology.start_process(&mut slot, &[]);
            } else if part != Part::Simulator {
                let (kib, threads) = process.size();
                peak = (peak.0.max(kib), peak.1.max(threads));
            }
        }
    }
}

/// What no log may say: that something panicked, or a secret, of which whole payment keys are some.
fn said_wrong(directory: &Path, secrets: &HashSet<&str>) -> Vec<String> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = name.starts_with("api-") || name.starts_with("worker-");
        if !is_ours || !name.ends_with(".log") {
            continue;
        }
        let said = std::fs::read(entry.path()).unwrap_or_default();
        for line in String::from_utf8_lossy(&said).lines() {
            let mut words = line.split(|c: char| !is_of_word(c));
            if words.any(|word| secrets.contains(word)) || line.contains("panicked at") {
                wrong.push(format!("{name}: {line}"));
            }
        }
    }
    wrong
}
