//! What can be switched while the simulator runs: behaviour that Toss does not document, and trouble that lasts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chance::Chance;
use crate::codes;
use crate::payment::confirm::MismatchCode;
use crate::refusal::Refusal;

/// The switches, as `/_sim/settings` shows them. They survive a restart with a state file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Whether 5xx answers are kept under the idempotency key and replayed.
    pub store_5xx: bool,
    /// Answer to a confirm whose amount or order differs from the authenticated payment.
    pub mismatch_code: MismatchCode,
    /// Every answer and every webhook has fields and values that no documentation knows.
    pub unknown_values: bool,
    /// Keys that were not given to a merchant are refused.
    pub known_keys_only: bool,
    /// Cancels have negative amounts in the transactions feed. Toss does not say.
    pub negative_cancels: bool,
    /// An easy-pay's provider is its code (`TOSSPAY`) in Korean answers too. Toss does not say.
    pub provider_codes: bool,
    /// Webhooks wait until this is off again.
    pub pause_webhooks: bool,
    /// Every webhook that was delivered comes once more, under the same id.
    pub duplicate_webhooks: bool,
    /// A webhook lets the next one of its payment overtake it, for at most a minute.
    pub reorder_webhooks: bool,
    /// Webhooks of a call go out before its answer. Otherwise they go out after it.
    pub early_webhooks: bool,
    /// How many calls of one kind a key may make in a minute; more are answered with 429. Toss's test environment has
    /// 100.
    pub calls_per_minute: Option<u32>,
    /// Faults that hit calls at random, reproducibly.
    pub chance: Option<Chance>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            store_5xx: true,
            mismatch_code: MismatchCode::default(),
            unknown_values: false,
            known_keys_only: false,
            negative_cancels: false,
            provider_codes: false,
            pause_webhooks: false,
            duplicate_webhooks: false,
            reorder_webhooks: false,
            early_webhooks: false,
            calls_per_minute: None,
            chance: None,
        }
    }
}

impl Settings {
    /// The settings with those of `changes` in place of their own.
    ///
    /// # Errors
    /// 400 for a name or a value that does not exist.
    pub(crate) fn with(&self, changes: Map<String, Value>) -> Result<Settings, Refusal> {
        let bad = |text: &str| Refusal::about(codes::INVALID_REQUEST, text);
        let Ok(Value::Object(mut all)) = serde_json::to_value(self) else {
            return Err(Refusal::new(codes::UNKNOWN_ERROR));
        };
        all.extend(changes);
        let changed: Settings =
            serde_json::from_value(Value::Object(all)).map_err(|error| bad(&error.to_string()))?;
        changed.chance.as_ref().map_or(Ok(()), Chance::check)?;
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(changes: Value) -> Result<Settings, Refusal> {
        Settings::default().with(changes.as_object().cloned().expect("an object"))
    }

    #[test]
    fn one_switch_is_changed_without_the_others() {
        let changed = with(json!({"unknownValues": true})).expect("changed");
        assert_eq!(changed, Settings { unknown_values: true, ..Settings::default() });
        assert_eq!(with(json!({})), Ok(Settings::default()));
    }

    #[test]
    fn switches_that_do_not_exist_are_refused() {
        for bad in [
            json!({"unknown": true}),
            json!({"store5xx": "yes"}),
            json!({"chance": {"seed": 1, "faults": [{"kind": "cut_after", "percent": 101}]}}),
            json!({"chance": {"seed": 1, "faults": [{"kind": "delay", "percent": 1}]}}),
        ] {
            assert!(with(bad.clone()).is_err(), "{bad}");
        }
    }
}
