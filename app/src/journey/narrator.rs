//! Tells a journey step by step, with times, to a person. Silent when a program reads.

use std::time::Duration;

use crate::banner::Style;
use crate::output;

use super::story::Outcome;
use super::target::Target;

/// Who listens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Narrator {
    Terminal(Style),
    Silent,
}

impl Narrator {
    pub(super) const fn to_terminal(style: Style) -> Narrator {
        Narrator::Terminal(style)
    }

    pub(super) fn begin(self, target: &Target, decline: Option<&str>) {
        let Narrator::Terminal(style) = self else { return };
        let plan = match decline {
            None => "an order that is paid, partly cancelled and cancelled".to_owned(),
            Some(code) => format!("an order whose payment is declined with {code}"),
        };
        let whose = if target.is_ours { ", started for this" } else { "" };
        say(&format!("\n  {} at {}{whose}\n", style.bold(&plan), target.api));
    }

    /// One step that went as it should. `took` is how long it took; `at` is since the beginning.
    pub(super) fn step(self, at: Duration, took: Duration, name: &str, what: &str) {
        let Narrator::Terminal(style) = self else { return };
        let at = style.dim(&format!("{:>9}", seconds(at)));
        let took = style.dim(&format!("({})", milliseconds(took)));
        say(&format!("  {at}  {} {name:14} {what} {took}", style.green("✓")));
    }

    pub(super) fn end(self, outcome: &Outcome) {
        let Narrator::Terminal(style) = self else { return };
        let states = outcome.states.join(" → ");
        say(&format!(
            "\n  {states}\n  {} in {}\n",
            style.green("as it should be"),
            seconds(outcome.took)
        ));
    }
}

fn say(line: &str) {
    // A reader that went away must not fail the journey.
    if let Err(error) = output::print(&format!("{line}\n")) {
        tracing::debug!(%error, "nobody listens");
    }
}

/// `1.234 s`.
pub(super) fn seconds(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}

/// `12.3 ms`.
pub(super) fn milliseconds(time: Duration) -> String {
    let micros = time.as_micros();
    format!("{}.{} ms", micros / 1_000, micros / 100 % 10)
}

/// `12,345원`.
pub(super) fn won(amount: u64) -> String {
    let digits = amount.to_string();
    let mut text = String::new();
    for (number, digit) in digits.chars().enumerate() {
        if number > 0 && (digits.len() - number).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text}원")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(won(0), "0원");
        assert_eq!(won(999), "999원");
        assert_eq!(won(1_234_567), "1,234,567원");
        assert_eq!(seconds(Duration::from_millis(61_005)), "61.005 s");
        assert_eq!(milliseconds(Duration::from_micros(12_345)), "12.3 ms");
    }
}
