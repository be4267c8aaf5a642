//! Which step comes next.

use super::journey::{Journey, Weather};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// How many payments a journey has at the most.
const PAYMENTS_MAX: usize = 4;

/// A kind of step.
#[derive(Debug, Clone, Copy)]
enum Step {
    Order,
    Confirm,
    Poll,
    Close,
    Cancel,
    Work,
    Relay,
    Mail,
    WakeUp,
    Clock,
    Sweep,
    Staff,
    Deposit,
    Hear,
    RotateKeys,
    // Those below need rough weather.
    Fault,
    Console,
    Rival,
    Reverse,
    Forge,
}

/// What happens every day, each with its weight.
const EVERY_DAY: [(usize, Step); 15] = [
    (2, Step::Order),
    (12, Step::Confirm),
    (2, Step::Poll),
    (1, Step::Close),
    (14, Step::Cancel),
    (20, Step::Work),
    (4, Step::Relay),
    (2, Step::Mail),
    (4, Step::WakeUp),
    (8, Step::Clock),
    (1, Step::Sweep),
    (3, Step::Staff),
    (5, Step::Deposit),
    (4, Step::Hear),
    (1, Step::RotateKeys),
];

/// What happens in rough weather only.
const ROUGH: [(usize, Step); 5] =
    [(12, Step::Fault), (3, Step::Console), (1, Step::Rival), (2, Step::Reverse), (2, Step::Forge)];

impl Journey<'_> {
    pub(crate) async fn step(&mut self) {
        let mut steps = EVERY_DAY.to_vec();
        if self.weather == Weather::Rough {
            steps.extend(ROUGH);
        }
        match self.luck.weigh(&steps) {
            Step::Order if self.payings.len() < PAYMENTS_MAX => self.order().await,
            Step::Order | Step::Confirm => self.confirm().await,
            Step::Poll => self.poll().await,
            Step::Close => self.close_order().await,
            Step::Cancel if self.luck.one_in(6) || self.is_any_held() => self.cancel().await,
            // Nobody cancels what is not paid, but for those who try.
            Step::Cancel | Step::Work => self.work().await,
            Step::Relay => self.relay().await,
            Step::Mail => self.tamper_with_mail(),
            Step::WakeUp => self.wake_somebody_up().await,
            Step::Clock => self.let_time_pass().await,
            Step::Sweep => self.sweep().await,
            Step::Staff => self.act_on_a_job().await,
            Step::Deposit => self.deposit(),
            Step::Hear => self.hear().await,
            Step::RotateKeys => self.rotate_keys().await,
            Step::Fault => self.script_a_fault(),
            Step::Console => self.cancel_in_the_console(),
            Step::Rival => self.confirm_past_us().await,
            Step::Reverse => self.reverse_a_deposit(),
            Step::Forge => self.forge_a_webhook().await,
        }
    }

    async fn let_time_pass(&mut self) {
        let (least_ms, most_ms) = self.luck.weigh(&[
            (8, (100, 5 * SECOND_MS)),
            (8, (5 * SECOND_MS, 2 * MINUTE_MS)),
            (3, (2 * MINUTE_MS, 20 * MINUTE_MS)),
            (1, (20 * MINUTE_MS, 6 * HOUR_MS)),
            (1, (6 * HOUR_MS, 72 * HOUR_MS)),
        ]);
        let by_ms = self.luck.between(least_ms, most_ms);
        if self.weather == Weather::Calm && by_ms > HOUR_MS {
            // In calm weather no work lies about for hours.
            self.drain(HOUR_MS).await;
        }
        self.note(format!("clock: {by_ms} ms pass"));
        self.advance(by_ms);
    }
}
