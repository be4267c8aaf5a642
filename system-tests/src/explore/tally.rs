//! What journeys count.

/// Counts of one journey or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps.
    pub steps: u64,
    /// Payments that a customer authenticated.
    pub payments: u64,
    /// Confirms that reached Toss.
    pub confirms: u64,
    /// Cancels that reached Toss.
    pub cancels: u64,
    /// Deposits into virtual accounts.
    pub deposits: u64,
    /// Webhooks that were delivered, forged ones included.
    pub webhooks: u64,
    /// Faults that were scripted.
    pub faults: u64,
    /// Workers that died or slept in the middle of a job.
    pub crashes: u64,
    /// Charges at Toss that belong to nothing of ours and that nobody is told of.
    pub lost: u64,
    /// Charges beyond the first of an order.
    pub doubled: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Tally) -> Tally {
        Tally {
            steps: self.steps + other.steps,
            payments: self.payments + other.payments,
            confirms: self.confirms + other.confirms,
            cancels: self.cancels + other.cancels,
            deposits: self.deposits + other.deposits,
            webhooks: self.webhooks + other.webhooks,
            faults: self.faults + other.faults,
            crashes: self.crashes + other.crashes,
            lost: self.lost + other.lost,
            doubled: self.doubled + other.doubled,
        }
    }

    /// Every count with its name, in the order of the table.
    #[must_use]
    pub fn rows(&self) -> [(&'static str, u64); 10] {
        [
            ("steps", self.steps),
            ("payments", self.payments),
            ("confirms", self.confirms),
            ("cancels", self.cancels),
            ("deposits", self.deposits),
            ("webhooks", self.webhooks),
            ("faults", self.faults),
            ("crashes", self.crashes),
            ("lost", self.lost),
            ("doubled", self.doubled),
        ]
    }
}
