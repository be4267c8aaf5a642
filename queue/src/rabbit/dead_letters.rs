//! What the broker gave up: poison that a consumer rejected, and messages that came back too often.
//! They are read into the database and acknowledged there. Not here: what is done about them.

use std::num::NonZeroU16;
use std::sync::Arc;

use async_trait::async_trait;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, message};
use serde_json::{Map, Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::rabbit::basket::Basket;
use crate::rabbit::config::RabbitConfig;
use crate::rabbit::intake::{Intake, Opener, Source};
use crate::rabbit::slip::Slip;
use crate::rabbit::status::Board;
use crate::rabbit::topology::Topology;
use crate::rabbit::wire;
use crate::{ConsumerEnded, DeadLetter, DeadLetters};

/// How many dead letters are held at once: few, because each may be as large as the broker allows.
const PREFETCH: NonZeroU16 = NonZeroU16::new(8).unwrap();
/// How much of a body is kept, in bytes: enough to see what it was.
pub const DEAD_LETTER_BODY_BYTES_MAX: usize = 65_536;
/// How long the text about a dead letter may be, in bytes.
pub const DEAD_LETTER_DETAIL_BYTES_MAX: usize = 8_192;

/// Reads dead letters from RabbitMQ.
#[derive(Debug)]
pub(super) struct RabbitDeadLetters {
    basket: Arc<Basket<(), DeadLetter>>,
    _leaving: DropGuard,
}

/// Makes a reader and the duty that fills its basket.
pub(super) fn dead_letters(
    config: &RabbitConfig,
    board: Arc<Board>,
    closing: CancellationToken,
) -> (RabbitDeadLetters, Intake<Graves>) {
    let queue = Topology::new(config).dead_letter_queue();
    let basket = Arc::new(Basket::new());
    let leaving = CancellationToken::new();
    let intake = Intake {
        sources: vec![Source { key: (), queue, prefetch: PREFETCH }],
        opener: Graves,
        basket: Arc::clone(&basket),
        board,
        leaving: leaving.clone(),
        closing,
    };
    (RabbitDeadLetters { basket, _leaving: leaving.drop_guard() }, intake)
}

#[async_trait]
impl DeadLetters for RabbitDeadLetters {
    async fn receive(&mut self, most: usize) -> Result<Vec<DeadLetter>, ConsumerEnded> {
        let most = most.max(1);
        self.basket
            .take(|contents| std::iter::from_fn(|| contents.pop(())).take(most).collect())
            .await
    }
}

/// Opens dead letters.
#[derive(Debug)]
pub(super) struct Graves;

impl Opener for Graves {
    type Key = ();
    type Item = DeadLetter;

    fn open(&self, (): (), message: message::Delivery, slip: Slip) -> Option<DeadLetter> {
        let message::Delivery { data, properties, .. } = message;
        let headers = properties.headers().clone().unwrap_or_default();
        let (queue, reason) = death(&headers);
        let decoded = wire::decode(&data, &properties);
        let detail = detail(&properties, &headers, data.len(), decoded.as_ref().err());
        let mut body = data;
        body.truncate(DEAD_LETTER_BODY_BYTES_MAX);
        let job_id = decoded.ok().map(|(job_id, _)| job_id);
        Some(DeadLetter::new(queue, reason, body, detail, job_id, Box::new(slip)))
    }
}

/// Where and why it died. A message that was published right into the queue did not die.
fn death(headers: &FieldTable) -> (String, String) {
    let latest = headers
        .inner()
        .get("x-death")
        .and_then(AMQPValue::as_array)
        .and_then(|deaths| deaths.as_slice().first())
        .and_then(AMQPValue::as_field_table);
    let word = |name: &str| {
        let value = latest.and_then(|death| death.inner().get(name));
        value.and_then(wire::text).unwrap_or("unknown").to_owned()
    };
    (word("queue"), word("reason"))
}

/// Everything that the broker tells about it, as JSON that a person can read.
fn detail(
    properties: &BasicProperties,
    headers: &FieldTable,
    body_bytes: usize,
    undecodable: Option<&wire::Undecodable>,
) -> String {
    let text = |value: &Option<_>| value.as_ref().map(ToString::to_string);
    let detail = json!({
        "problem": undecodable.map(ToString::to_string),
        "body_bytes": body_bytes,
        "message_id": text(properties.message_id()),
        "type": text(properties.kind()),
        "app_id": text(properties.app_id()),
        "content_type": text(properties.content_type()),
    });
    let mut detail = detail.to_string();
    // Last, because they may be of any length, and what is too long is cut at its end.
    detail.pop();
    detail.push_str(&format!(",\"headers\":{}}}", table(headers)));
    detail.truncate(detail.floor_char_boundary(DEAD_LETTER_DETAIL_BYTES_MAX));
    detail
}

fn table(table: &FieldTable) -> Value {
    let entries = table.inner().iter();
    Value::Object(
        entries.map(|(name, entry)| (name.to_string(), value(entry))).collect::<Map<_, _>>(),
    )
}

fn value(value: &AMQPValue) -> Value {
    if let Some(text) = wire::text(value) {
        return text.into();
    }
    if let Some(inner) = value.as_field_table() {
        return table(inner);
    }
    if let Some(array) = value.as_array() {
        return array.as_slice().iter().map(self::value).collect();
    }
    match value {
        AMQPValue::Boolean(one) => (*one).into(),
        AMQPValue::ShortShortInt(one) => (*one).into(),
        AMQPValue::ShortShortUInt(one) => (*one).into(),
        AMQPValue::ShortInt(one) => (*one).into(),
        AMQPValue::ShortUInt(one) => (*one).into(),
        AMQPValue::LongInt(one) => (*one).into(),
        AMQPValue::LongUInt(one) => (*one).into(),
        AMQPValue::LongLongInt(one) => (*one).into(),
        AMQPValue::Timestamp(one) => (*one).into(),
        // Nothing that a broker writes by itself: shown as it is.
        AMQPValue::Float(_)
        | AMQPValue::Double(_)
        | AMQPValue::DecimalValue(_)
        | AMQPValue::ShortString(_)
        | AMQPValue::LongString(_)
        | AMQPValue::FieldArray(_)
        | AMQPValue::FieldTable(_)
        | AMQPValue::ByteArray(_)
        | AMQPValue::Void => format!("{value:?}").into(),
    }
}
