//! The person on duty: ends pauses, looks up and retries what is parked, and has no patience in the end.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::customers::World;
use crate::client::Answer;

const BETWEEN_ROUNDS: Duration = Duration::from_secs(4);
const REQUEST_MAX: Duration = Duration::from_secs(8);
/// Who waits for longer than this is brought forward, once it is calm.
const FAR_MS: i64 = 5_000;

/// Works round by round until it is over. `is_calm` says whether what waits may be brought forward.
pub(super) async fn be_on_duty(
    world: World,
    is_calm: watch::Receiver<bool>,
    is_over: watch::Receiver<bool>,
) {
    let mut round = 0_usize;
    while !*is_over.borrow() {
        round += 1;
        resume(&world, round).await;
        work_off(&world, round).await;
        if *is_calm.borrow() {
            bring_forward(&world, round).await;
        }
        sleep(BETWEEN_ROUNDS).await;
    }
}

async fn get(world: &World, round: usize, path: &str) -> Option<Value> {
    let request = world.topology.client.request(Method::GET, &url(world, round, path));
    let request = request.bearer_auth(&world.topology.master_token).timeout(REQUEST_MAX);
    let answer = world.record.ask(request).await?;
    (answer.status == 200).then_some(answer.body)
}

/// One action, of which the audit has to have one row if it was done.
async fn act(world: &World, round: usize, action: &'static str, path: &str, body: &Value) {
    let request = world.topology.client.request(Method::POST, &url(world, round, path));
    let request = request.bearer_auth(&world.topology.master_token).timeout(REQUEST_MAX);
    let answer = world.record.ask(request.json(body)).await;
    world.record.note(|it| {
        let acted = it.acted.entry(action).or_default();
        match answer.as_ref().map(|answer: &Answer| answer.status) {
            Some(200) => acted.done += 1,
            Some(503) | None => acted.unknown += 1,
            Some(_) => {}
        }
    });
}

fn url(world: &World, round: usize, path: &str) -> String {
    format!("{}{path}", world.topology.apis[round % world.topology.apis.len()])
}

async fn resume(world: &World, round: usize) {
    let Some(holds) = get(world, round, "/v1/holds").await else { return };
    for pause in holds["pauses"].as_array().into_iter().flatten() {
        if pause["inForce"] == true {
            let body = json!({
                "merchant": pause["merchant"], "scope": pause["scope"], "reason": "키 확인",
            });
            act(world, round, "merchant.resume", "/v1/holds/resume", &body).await;
        }
    }
}

async fn work_off(world: &World, round: usize) {
    let Some(parked) = get(world, round, "/v1/jobs?state=parked&limit=50").await else { return };
    for job in parked["data"].as_array().into_iter().flatten() {
        let id = job["jobId"].as_str().unwrap_or_default();
        let body = json!({"reason": "고객 문의"});
        // In turn: a look-up often says what to do, and what may be tried again is.
        let (action, word) = if round.is_multiple_of(2) {
            ("job.look_up", "look-up")
        } else {
            ("job.retry", "retry")
        };
        act(world, round, action, &format!("/v1/jobs/{id}/{word}"), &body).await;
    }
}

async fn bring_forward(world: &World, round: usize) {
    let Some(waiting) = get(world, round, "/v1/jobs?state=waiting&limit=50").await else { return };
    let now = time::OffsetDateTime::now_utc();
    let format = &time::format_description::well_known::Rfc3339;
    for job in waiting["data"].as_array().into_iter().flatten() {
        let due_at = job["dueAt"].as_str().unwrap_or_default();
        let Ok(due) = time::OffsetDateTime::parse(due_at, format) else { continue };
        let Ok(soon) = (now + Duration::from_secs(1)).format(format) else { continue };
        if due - now > time::Duration::milliseconds(FAR_MS) {
            let id = job["jobId"].as_str().unwrap_or_default();
            let body = json!({"dueAt": soon, "seenDueAt": due_at, "reason": "고객 문의"});
            act(world, round, "job.due_time", &format!("/v1/jobs/{id}/due-time"), &body).await;
        }
    }
}
