//! The idempotency store: one answer per key, secret key, method and path, for 15 days. The body is not compared.
//!
//! Source: Toss, idempotency keys. Which answers are kept is decided here: 2xx and 4xx are, as was measured;
//! 401, 409 and 429 are not, nor a wrong Basic header; 5xx by a switch, because nobody knows.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::codes;
use crate::limits::{IDEMPOTENCY_ENTRIES_MAX, IDEMPOTENCY_KEY_CHARS_MAX, IDEMPOTENCY_MS};
use crate::merchant::KeyId;
use crate::refusal::Refusal;

/// What one stored answer belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Scope {
    pub(crate) key: String,
    /// Source: Toss, the key itself counts, not its merchant.
    #[serde(rename = "merchant")]
    pub(crate) caller: KeyId,
    pub(crate) method: String,
    pub(crate) path: String,
}

/// An answer kept byte by byte, with the trace id it was first given under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredAnswer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) trace_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) scope: Scope,
    pub(crate) first_used_at: Moment,
    /// The answer, once the work is done.
    pub(crate) answer: Option<StoredAnswer>,
    /// Whether the first request is still waiting for that answer.
    #[serde(skip)]
    pub(crate) is_running: bool,
}

/// What a request finds under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Running,
    Answer(StoredAnswer),
}

/// Reads the `Idempotency-Key` header.
///
/// # Errors
/// 400 `INVALID_IDEMPOTENCY_KEY` if it is blank, longer than 300 characters or not text.
pub(crate) fn parse_key(header: Option<&[u8]>) -> Result<Option<String>, Refusal> {
    let Some(bytes) = header else { return Ok(None) };
    let key = std::str::from_utf8(bytes).ok().filter(|key| !key.trim().is_empty());
    match key {
        Some(key) if key.chars().count() <= IDEMPOTENCY_KEY_CHARS_MAX => Ok(Some(key.to_owned())),
        Some(_) | None => Err(Refusal::new(codes::INVALID_IDEMPOTENCY_KEY)),
    }
}

/// A key of the store, as `/_sim/idempotency` shows it. Whose key it is, is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredKey {
    /// The caller's idempotency key.
    pub key: String,
    /// HTTP method.
    pub method: String,
    /// Path of the call.
    pub path: String,
    /// When it was first used, `+09:00`.
    pub first_used_at: String,
    /// Until when its answer is replayed.
    pub valid_until: String,
    /// HTTP status of the kept answer; None while the first request is still running.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub(crate) struct Idempotency {
    entries: HashMap<Scope, Arc<Entry>>,
    oldest_first: VecDeque<Scope>,
    /// Whose answer came or went since [`Idempotency::take_changes`].
    changed: Vec<Scope>,
}

impl Idempotency {
    pub(crate) fn from_entries(entries: Vec<Arc<Entry>>) -> Idempotency {
        let oldest_first = entries.iter().map(|entry| entry.scope.clone()).collect();
        let entries = entries.into_iter().map(|entry| (entry.scope.clone(), entry)).collect();
        Idempotency { entries, oldest_first, changed: Vec::new() }
    }

    /// The answers that were noted since the last call, and whose answer is gone.
    pub(crate) fn take_changes(&mut self) -> (Vec<Arc<Entry>>, Vec<Scope>) {
        let (mut noted, mut gone) = (Vec::new(), Vec::new());
        for scope in std::mem::take(&mut self.changed) {
            match self.entries.get(&scope).filter(|entry| entry.answer.is_some()) {
                Some(entry) => noted.push(Arc::clone(entry)),
                None => gone.push(scope),
            }
        }
        (noted, gone)
    }

    /// Puts a stored answer behind the others, in place of an older one of its scope. Not a change.
    pub(crate) fn put_back(&mut self, entry: Arc<Entry>) {
        self.forget(&entry.scope);
        self.oldest_first.push_back(entry.scope.clone());
        self.entries.insert(entry.scope.clone(), entry);
    }

    /// Entries with an answer, oldest first. A request that still runs leaves nothing behind.
    pub(crate) fn answered(&self) -> Vec<Arc<Entry>> {
        let entries = self.oldest_first.iter().filter_map(|scope| self.entries.get(scope));
        entries.filter(|entry| entry.answer.is_some()).cloned().collect()
    }

    /// The newest keys, newest first.
    pub(crate) fn newest(&self, count: usize) -> Vec<StoredKey> {
        let newest = self.oldest_first.iter().rev().filter_map(|scope| self.entries.get(scope));
        let view = |entry: &Arc<Entry>| StoredKey {
            key: entry.scope.key.clone(),
            method: entry.scope.method.clone(),
            path: entry.scope.path.clone(),
            first_used_at: entry.first_used_at.to_kst(),
            valid_until: entry.first_used_at.plus_ms(IDEMPOTENCY_MS).to_kst(),
            status: entry.answer.as_ref().filter(|_| !entry.is_running).map(|it| it.status),
        };
        newest.take(count).map(view).collect()
    }

    pub(crate) fn find(&self, scope: &Scope, now: Moment) -> Found {
        match self.entries.get(scope) {
            Some(entry) if entry.is_running => Found::Running,
            Some(entry) if now.ms_since(entry.first_used_at) < IDEMPOTENCY_MS => {
                entry.answer.clone().map_or(Found::Nothing, Found::Answer)
            }
            Some(_) | None => Found::Nothing,
        }
    }

    /// Marks the key as running. Only after [`Idempotency::find`] found nothing.
    pub(crate) fn begin(&mut self, scope: &Scope, now: Moment) {
        if self.entries.contains_key(scope) {
            self.forget(scope);
            self.changed.push(scope.clone());
        }
        if self.entries.len() >= IDEMPOTENCY_ENTRIES_MAX {
            self.evict_oldest_answered();
        }
        let entry =
            Entry { scope: scope.clone(), first_used_at: now, answer: None, is_running: true };
        self.entries.insert(scope.clone(), Arc::new(entry));
        self.oldest_first.push_back(scope.clone());
    }

    /// Notes the answer; the key stays running until [`Idempotency::release`].
    pub(crate) fn store(&mut self, scope: &Scope, answer: StoredAnswer) {
        if let Some(entry) = self.entries.get_mut(scope) {
            Arc::make_mut(entry).answer = Some(answer);
            self.changed.push(scope.clone());
        }
    }

    /// The first request was answered, or will never be. Without a stored answer the key is free again.
    pub(crate) fn release(&mut self, scope: &Scope) {
        match self.entries.get_mut(scope) {
            Some(entry) if entry.answer.is_some() => Arc::make_mut(entry).is_running = false,
            Some(_) => self.forget(scope),
            None => {}
        }
    }

    /// Takes out an entry. Not a change: whoever drops an answer says so.
    pub(crate) fn forget(&mut self, scope: &Scope) {
        if self.entries.remove(scope).is_some() {
            // Nearly always one of the newest.
            if let Some(at) = self.oldest_first.iter().rposition(|other| other == scope) {
                self.oldest_first.remove(at);
            }
        }
    }

    fn evict_oldest_answered(&mut self) {
        let is_idle = |scope: &Scope| self.entries.get(scope).is_none_or(|entry| !entry.is_running);
        if let Some(at) = self.oldest_first.iter().position(is_idle)
            && let Some(scope) = self.oldest_first.remove(at)
        {
            self.entries.remove(&scope);
            self.changed.push(scope);
        }
    }
}

/// Whether an answer of the work itself is kept under the key.
pub(crate) fn is_stored(status: u16, store_5xx: bool) -> bool {
    match status {
        401 | 409 | 429 => false,
        500.. => store_5xx,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn scope(key: &str) -> Scope {
        Scope {
            key: key.to_owned(),
            caller: KeyId::of_secret_key("test_sk_a").expect("a key"),
            method: "POST".to_owned(),
            path: "/v1/payments/confirm".to_owned(),
        }
    }

    fn answer(body: &str) -> StoredAnswer {
        StoredAnswer { status: 200, body: body.to_owned(), trace_id: "t".to_owned() }
    }

    #[test]
    fn a_key_is_running_then_answered_then_forgotten_after_fifteen_days() {
        let (mut store, now) = (Idempotency::default(), Clock::default().now());
        let first = scope("k");
        assert_eq!(store.find(&first, now), Found::Nothing);
        store.begin(&first, now);
        assert_eq!(store.find(&first, now), Found::Running);
        store.store(&first, answer("{}"));
        assert_eq!(store.find(&first, now), Found::Running, "not answered yet");
        store.release(&first);
        assert_eq!(store.find(&first, now), Found::Answer(answer("{}")));
        let last_moment = now.plus_ms(IDEMPOTENCY_MS - 1);
        assert_eq!(store.find(&first, last_moment), Found::Answer(answer("{}")));
        assert_eq!(store.find(&first, now.plus_ms(IDEMPOTENCY_MS)), Found::Nothing);
    }

    #[test]
    fn a_request_that_did_nothing_frees_its_key() {
        let (mut store, now) = (Idempotency::default(), Clock::default().now());
        store.begin(&scope("k"), now);
        store.release(&scope("k"));
        assert_eq!(store.find(&scope("k"), now), Found::Nothing);
        assert!(store.oldest_first.is_empty());
    }

    #[test]
    fn the_store_is_bounded_and_drops_the_oldest_answer_but_never_a_running_request() {
        let (mut store, now) = (Idempotency::default(), Clock::default().now());
        store.begin(&scope("running"), now);
        for n in 0..IDEMPOTENCY_ENTRIES_MAX {
            let scope = scope(&n.to_string());
            store.begin(&scope, now);
            store.store(&scope, answer("{}"));
            store.release(&scope);
        }
        assert_eq!(store.entries.len(), IDEMPOTENCY_ENTRIES_MAX);
        assert_eq!(store.find(&scope("running"), now), Found::Running);
        assert_eq!(store.find(&scope("0"), now), Found::Nothing);
        assert_eq!(store.find(&scope("1"), now), Found::Answer(answer("{}")));
    }

    #[test]
    fn keys_have_1_to_300_characters() {
        assert_eq!(parse_key(None), Ok(None));
        assert!(parse_key(Some("가".repeat(300).as_bytes())).is_ok());
        for bad in ["", "  ", &"x".repeat(301)] {
            let refusal = parse_key(Some(bad.as_bytes())).expect_err("a refusal");
            assert_eq!(refusal.code(), "INVALID_IDEMPOTENCY_KEY");
        }
        assert!(parse_key(Some(b"\xff\xfe")).is_err());
    }

    #[test]
    fn answers_are_stored_by_status() {
        for (status, stored) in [(200, true), (400, true), (403, true), (404, true)] {
            assert_eq!(is_stored(status, false), stored, "{status}");
        }
        for status in [401, 409, 429] {
            assert!(!is_stored(status, true), "{status}");
        }
        assert!(is_stored(500, true) && !is_stored(500, false));
    }
}
