//! Messages that are none of ours, of every kind, stand in nobody's way, and a person can see them.

use std::collections::BTreeMap;

use entities::poison_message::Model as Kept;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, ByteArray, FieldArray, FieldTable, LongString, ShortString};
use system_tests::Process;

use crate::fleet::{Fleet, Shape, on_a_fleet};

/// Everything that can be published to. The last one is where what was given up goes.
const QUEUES: [&str; 5] = ["confirm", "cancel", "look_up", "bulk", "dead_letters"];
/// How much a worker may grow: it holds some dead letters at once, each as large as the broker takes, and copies of them.
const GROWTH_KIB_MAX: u64 = 320 * 1024;
/// A message as large as a broker takes that nobody configured: RabbitMQ 4 has 16 MiB, its ancestors more.
const LARGE_BYTES: usize = 15 * 1024 * 1024;
/// How much of a body is kept.
const BODY_CHARS_MAX: usize = 4_096;

/// A message, and the words by which its row is found.
struct Poison {
    name: &'static str,
    body: Vec<u8>,
    properties: BasicProperties,
}

fn id(name: &'static str) -> BasicProperties {
    BasicProperties::default().with_message_id(name.into())
}

fn of(name: &'static str, body: impl Into<Vec<u8>>) -> Poison {
    Poison { name, body: body.into(), properties: id(name) }
}

/// Bodies that name no job of anybody's.
fn bodies() -> Vec<Poison> {
    let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
    vec![
        of("empty", ""),
        of("garbage", b"\xff\xfe\x00 garbage"),
        of("NUL", b"\0\0\0"),
        of("EUC-KR", b"{\"v\":1,\"job\":\"\xb8\xb6\"}"),
        of("UTF-16", b"{\0\"\0v\0\"\0:\x001\0}\0"),
        of("a word", "hello"),
        of("half", r#"{"v":1,"job":"a"#),
        of("two", r#"{"v":1,"job":"a"}{"v":1,"job":"b"}"#),
        of("null", "null"),
        of("a number", "1e999"),
        of("an array", r#"[{"v":1}]"#),
        of("nothing in it", "{}"),
        of("no version", r#"{"job":"a"}"#),
        of("another version", r#"{"v":7,"job":"from the future"}"#),
        of("a negative version", r#"{"v":-1,"job":"a"}"#),
        of("a version in parts", r#"{"v":1.5,"job":"a"}"#),
        of("a version in words", r#"{"v":"1","job":"a"}"#),
        of("two versions", r#"{"v":1,"v":1,"job":"a"}"#),
        of("no job", r#"{"v":1}"#),
        of("no job's id", r#"{"v":1,"job":null}"#),
        of("a job's number", r#"{"v":1,"job":18446744073709551616}"#),
        of("an empty id", r#"{"v":1,"job":""}"#),
        of("a long id", format!(r#"{{"v":1,"job":"{}"}}"#, "x".repeat(200))),
        of("deep", nested(500)),
        of("deep within", [br#"{"v":1,"job":"#.to_vec(), nested(450), b"}".to_vec()].concat()),
        of("large", vec![b' '; LARGE_BYTES]),
    ]
}

/// Properties that no message of ours has.
fn odd() -> Vec<Poison> {
    let with = |name, properties| Poison { name, body: b"odd".to_vec(), properties };
    let headers =
        |name: &'static str, headers: FieldTable| with(name, id(name).with_headers(headers));
    let text = |text: &[u8]| AMQPValue::LongString(LongString::from(text));
    let table = |entries: Vec<(&str, AMQPValue)>| -> FieldTable {
        let entries = entries.into_iter().map(|(name, value)| (ShortString::from(name), value));
        FieldTable::from(entries.collect::<BTreeMap<_, _>>())
    };
    let deep = (0..200)
        .fold(FieldTable::default(), |inner, _| table(vec![("a", AMQPValue::FieldTable(inner))]));
    let many: Vec<String> = (0..2_000).map(|at| format!("h{at}")).collect();
    let many = many.iter().map(|name| (name.as_str(), AMQPValue::Void)).collect();
    let death = table(vec![
        ("queue", text(b"nowhere\0")),
        ("reason", text(b"\0\xff\xfe")),
        ("count", AMQPValue::LongLongInt(-1)),
    ]);
    let deaths = FieldArray::from(vec![AMQPValue::FieldTable(death)]);
    vec![
        with("another type", id("another type").with_type("invoice".into())),
        with("a picture", id("a picture").with_content_type("image/png".into())),
        with("compressed", id("compressed").with_content_encoding("gzip".into())),
        with("urgent", id("urgent").with_priority(255)),
        with("late", id("late").with_timestamp(u64::MAX)),
        with("to be answered", id("to be answered").with_reply_to("somewhere".into())),
        with("of a program", id("of a program").with_app_id("seungin".into())),
        headers("a large header", table(vec![("x-request-id", text(&[b'x'; 100_000]))])),
        headers(
            "bytes",
            table(vec![("traceparent", AMQPValue::ByteArray(ByteArray::from(vec![0_u8; 256])))]),
        ),
        headers("no text", table(vec![("x\0y", text(b"\xff\0\xfe"))])),
        headers("deep headers", deep),
        headers("many headers", table(many)),
        headers("a forged death", table(vec![("x-death", AMQPValue::FieldArray(deaths))])),
        headers("no death", table(vec![("x-death", text(b"yesterday"))])),
    ]
}

/// Insists that no worker panicked, that each goes on, and that none grew without bound.
fn insist_well(workers: &mut [Process], before: &[u64]) {
    for (worker, before) in workers.iter_mut().zip(before) {
        worker.insist_well();
        let grown = worker.size().0.saturating_sub(*before);
        assert!(grown < GROWTH_KIB_MAX, "{} grew by {grown} KiB from {before}", worker.name());
    }
}

async fn kept(fleet: &Fleet, count: usize) -> Vec<Kept> {
    fleet
        .rows
        .wait_for(&format!("{count} poison messages"), async || {
            Some(fleet.rows.poison_messages().await).filter(|all| all.len() >= count)
        })
        .await
}

fn sizes(fleet: &Fleet) -> Vec<u64> {
    fleet.workers.iter().map(|worker| worker.size().0).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_every_kind_in_every_queue_are_set_aside_and_others_flow() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        let before = sizes(fleet);
        let all: Vec<Poison> = bodies().into_iter().chain(odd()).collect();
        let publish = async {
            let mut count = 0;
            for (place, poison) in all.iter().enumerate() {
                // The large one once: the test is about its being there, not about the broker's disk.
                let everywhere = poison.body.len() < LARGE_BYTES;
                for (other, queue) in QUEUES.into_iter().enumerate() {
                    if everywhere || place % QUEUES.len() == other {
                        let properties = poison.properties.clone();
                        fleet.operator.publish(queue, &poison.body, properties).await;
                        count += 1;
                    }
                }
            }
            count
        };
        let (count, _) = tokio::join!(publish, fleet.pay(10));
        let rows = kept(fleet, count).await;
        assert_eq!(rows.len(), count, "each is kept once");
        for poison in &all {
            let words = format!(r#""message_id":"{}""#, poison.name);
            let expected = if poison.body.len() < LARGE_BYTES { QUEUES.len() } else { 1 };
            let is_it = |row: &&Kept| row.detail.as_ref().is_some_and(|it| it.contains(&words));
            let of_it: Vec<&Kept> = rows.iter().filter(is_it).collect();
            assert_eq!(of_it.len(), expected, "{}: {of_it:?}", poison.name);
            assert!(of_it.iter().all(|row| !row.reason.is_empty()), "{}: {of_it:?}", poison.name);
            let body = String::from_utf8_lossy(&poison.body);
            let body: String = body.chars().filter(|c| *c != '\0').take(BODY_CHARS_MAX).collect();
            assert!(of_it.iter().all(|row| row.body == body), "{}: {of_it:?}", poison.name);
        }
        fleet.pay(10).await;
        assert_eq!(fleet.rows.poison_messages().await.len(), count, "one came again");
        let said: String = fleet.workers.iter().map(Process::said).collect();
        assert!(said.contains(r#""alert":"poison_message""#), "nobody was told: {said}");
        insist_well(&mut fleet.workers, &before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_about_jobs_that_are_not_or_are_over_change_nothing() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        fleet.pay(4).await;
        let unknown = [
            "019ab1c2-0000-7000-8000-000000000000",
            "18446744073709551616",
            "' OR 1=1 --",
            "a\\u0000b",
            "a\\nb",
            "승인",
            "..",
            "x",
        ];
        for (place, job_id) in unknown.iter().enumerate() {
            // What a later program adds is not in the way.
            let body = format!(r#"{{"v":1,"job":"{job_id}","added":[{place}]}}"#);
            let lane = QUEUES[place % 4];
            fleet.operator.publish(lane, body.as_bytes(), BasicProperties::default()).await;
        }
        let rows = kept(fleet, unknown.len()).await;
        assert_eq!(rows.len(), unknown.len(), "{rows:?}");
        assert!(rows.iter().all(|row| row.reason == "unknown_job"), "{rows:?}");

        // A job that is over is told of again and again, in lanes that are not its own: that is no poison, and no call follows.
        let (jobs, attempts) = (fleet.rows.jobs().await, fleet.rows.attempts().await.len());
        for job in &jobs {
            let body = format!(r#"{{"v":1,"job":"{}"}}"#, job.id);
            for lane in &QUEUES[..4] {
                for _ in 0..5 {
                    fleet.operator.publish(lane, body.as_bytes(), id("again")).await;
                }
            }
        }
        // One that nobody takes in time is given up by the broker, or taken: then its job is unknown.
        let expired = id("expired").with_expiration("1".into());
        fleet.operator.publish("confirm", br#"{"v":1,"job":"expired"}"#, expired).await;
        kept(fleet, unknown.len() + 1).await;
        fleet.pay(4).await;
        fleet
            .rows
            .wait_for("empty lanes", async || {
                for lane in &QUEUES[..4] {
                    if fleet.operator.depth(lane).await.ready > 0 {
                        return None;
                    }
                }
                Some(())
            })
            .await;
        assert_eq!(fleet.rows.poison_messages().await.len(), unknown.len() + 1);
        assert_eq!(fleet.rows.attempts().await.len(), attempts + 4, "one for each new order");
        let mut after = fleet.rows.jobs().await;
        after.retain(|job| jobs.iter().any(|known| known.id == job.id));
        assert_eq!(after, jobs, "a job that is over is as it was");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_poison_is_set_aside_while_orders_are_paid() {
    const FLOOD: usize = 2_000;
    const LARGE: usize = 6;
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        let before = sizes(fleet);
        let flood = async {
            for _ in 0..LARGE {
                let body = vec![b'['; LARGE_BYTES];
                fleet.operator.publish("confirm", &body, id("large")).await;
            }
            let one = async |number: usize| {
                let job_id = format!(r#"{{"v":1,"job":"flood-{number}"}}"#);
                let body = if number.is_multiple_of(2) { job_id.as_bytes() } else { b"{\"v\":1" };
                fleet.operator.publish(QUEUES[number % 4], body, id("flood")).await;
            };
            use futures_util::StreamExt as _;
            let all = futures_util::stream::iter(0..FLOOD).map(one).buffer_unordered(64);
            all.collect::<Vec<()>>().await;
        };
        tokio::join!(flood, fleet.pay(20));
        let rows = kept(fleet, FLOOD + LARGE).await;
        assert_eq!(rows.len(), FLOOD + LARGE, "each is kept once");
        fleet.pay(5).await;
        assert_eq!(fleet.rows.poison_messages().await.len(), FLOOD + LARGE, "one came again");
        insist_well(&mut fleet.workers, &before);
    })
    .await;
}
