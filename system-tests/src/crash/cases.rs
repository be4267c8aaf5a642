//! What has to come of a death at each point.

/// How a point is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A customer's confirm.
    Confirm,
    /// A cancel of a paid order.
    Cancel,
    /// A webhook about a deposit.
    Deposit,
    /// A cancel of a deposit, whose money goes to an account that is named.
    Refund,
    /// A webhook of an approval that we were told had failed: the money is given back.
    LateApproval,
    /// A webhook of an approval whose answer was lost, before the confirm itself is looked up.
    Overtaken,
    /// A webhook that comes before its confirm, and is taken up once the payment is there.
    Early,
    /// A confirm that Toss takes its time for, so that its lease is renewed.
    Slow,
    /// A confirm that has no answer at first, so that the relay brings it again.
    Retry,
    /// Production's shape: a confirm at one of two APIs.
    AtApi,
    /// Production's shape: a job that nobody took is published once more.
    AtRelay,
    /// Production's shape: a confirm while the broker is away.
    WithoutBroker,
    /// Production's shape: the worker of a confirm.
    AtWorker,
}

impl Way {
    /// In the words of the document.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Way::Confirm => "a confirm",
            Way::Cancel => "a cancel",
            Way::Deposit => "a webhook of a deposit",
            Way::Refund => "a cancel of a deposit",
            Way::LateApproval => "a webhook of a late approval",
            Way::Overtaken => "a webhook of an approval whose answer was lost",
            Way::Early => "a webhook that comes before its confirm",
            Way::Slow => "a confirm that takes its time",
            Way::Retry => "a confirm without an answer",
            Way::AtApi => "a confirm at one of two APIs",
            Way::AtRelay => "a job that nobody took, published once more",
            Way::WithoutBroker => "a confirm without a broker",
            Way::AtWorker => "a confirm at a worker",
        }
    }
}

/// What brings it to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing is there: who asked has no answer and asks again.
    Repeat,
    /// The job waits for its publication: a relay makes up for it, at the latest when its grace is over.
    Relay,
    /// The job is a worker's that is gone: its lease ends, and what is not known is looked up.
    Lease,
    /// Nobody has to do anything: it is done.
    Done,
    /// The job's message comes again.
    Redelivery,
    /// Nothing was done about it: the next round of a sweeper does it.
    Sweeper,
    /// What else was under way at the same time decides which of the others.
    Either,
}

impl Recovery {
    /// In the words of the document.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Recovery::Repeat => "nothing of it is left; who asked had no answer and asks again",
            Recovery::Relay => {
                "the job is committed and unclaimed; a relay publishes it within its grace"
            }
            Recovery::Lease => "the lease ends; what is not known is looked up first",
            Recovery::Done => "it is done; nothing happens again",
            Recovery::Sweeper => "nothing of it is left; a sweeper does it in its next round",
            Recovery::Redelivery => "the broker delivers its message again",
            Recovery::Either => "a relay or the end of the lease, by how far the job was meanwhile",
        }
    }
}

/// A death and what comes of it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Area and number.
    pub point: &'static str,
    /// How it is reached.
    pub way: Way,
    /// What brings it to its end.
    pub recovery: Recovery,
    /// The operations of all attempts of the job that was under way, in the end; empty where more than one row may come
    /// of it.
    pub attempts: &'static str,
}

impl Case {
    /// Whether it takes one process; the others take the shape of production.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        match self.way {
            Way::Confirm
            | Way::Cancel
            | Way::Deposit
            | Way::Refund
            | Way::LateApproval
            | Way::Overtaken
            | Way::Early
            | Way::Slow
            | Way::Retry => true,
            Way::AtApi | Way::AtRelay | Way::WithoutBroker | Way::AtWorker => false,
        }
    }
}

/// Points with the same way, recovery and attempts.
type Group = (Way, Recovery, &'static str, &'static [&'static str]);

const GROUPS: [Group; 31] = [
    (Way::Confirm, Recovery::Repeat, "confirm", &["commit 1", "accept 1"]),
    (
        Way::Confirm,
        Recovery::Relay,
        "confirm",
        &["accept 2", "commit 2", "relay 5", "dispatch 1", "dispatch 2", "dispatch 3"],
    ),
    (Way::Confirm, Recovery::Either, "", &["accept 3", "relay 6"]),
    (Way::Confirm, Recovery::Lease, "confirm look_up confirm", &["dispatch 4", "dispatch 5"]),
    (
        Way::Confirm,
        Recovery::Lease,
        "confirm look_up",
        &["dispatch 6", "dispatch 7", "settle 1", "settle 2"],
    ),
    (Way::Confirm, Recovery::Done, "confirm", &["settle 3", "settle 4", "settle 5"]),
    (
        Way::Cancel,
        Recovery::Repeat,
        "cancel",
        &["accept 4", "accept 5", "accept 6", "accept 7", "commit 1"],
    ),
    (Way::Cancel, Recovery::Relay, "cancel", &["accept 8", "commit 2"]),
    (Way::Cancel, Recovery::Either, "", &["accept 9"]),
    (Way::Cancel, Recovery::Lease, "cancel look_up cancel", &["dispatch 4", "dispatch 5"]),
    (Way::Cancel, Recovery::Lease, "cancel look_up", &["dispatch 6", "dispatch 7", "settle 2"]),
    (Way::Cancel, Recovery::Done, "cancel", &["settle 3", "settle 4"]),
    (
        Way::Deposit,
        Recovery::Repeat,
        "look_up",
        &["accept 10", "accept 11", "accept 12", "accept 13"],
    ),
    (Way::Deposit, Recovery::Relay, "look_up", &["accept 14"]),
    (Way::Deposit, Recovery::Either, "", &["accept 15"]),
    (Way::Deposit, Recovery::Lease, "look_up look_up", &["dispatch 4", "dispatch 7"]),
    (Way::Refund, Recovery::Lease, "cancel look_up", &["settle 7", "settle 8"]),
    (Way::LateApproval, Recovery::Lease, "look_up look_up", &["settle 9", "settle 10"]),
    (Way::Overtaken, Recovery::Lease, "look_up look_up", &["settle 11"]),
    // The confirm goes on beside the look-up, which is made again when that overtook it.
    (Way::Early, Recovery::Sweeper, "", &["accept 16"]),
    (Way::Early, Recovery::Relay, "", &["accept 17"]),
    (Way::Slow, Recovery::Lease, "confirm look_up", &["dispatch 8", "dispatch 9"]),
    (Way::Retry, Recovery::Relay, "confirm look_up confirm", &["relay 1", "relay 2", "relay 3"]),
    (Way::AtApi, Recovery::Repeat, "confirm", &["accept 1"]),
    (Way::AtApi, Recovery::Relay, "confirm", &["accept 2", "relay 7"]),
    (Way::AtRelay, Recovery::Redelivery, "confirm", &["relay 3"]),
    (Way::WithoutBroker, Recovery::Relay, "confirm", &["relay 4"]),
    (Way::AtWorker, Recovery::Lease, "confirm look_up confirm", &["dispatch 4"]),
    // What is claimed at once is written by its commit, so what waits is written by settling first.
    (
        Way::AtWorker,
        Recovery::Lease,
        "confirm look_up",
        &["dispatch 6", "dispatch 7", "settle 2", "commit 1"],
    ),
    (Way::AtWorker, Recovery::Done, "confirm", &["settle 6"]),
    (
        Way::AtWorker,
        Recovery::Redelivery,
        "confirm",
        &["settle 4", "settle 5", "dispatch 3", "dispatch 1"],
    ),
];

/// All of them.
#[must_use]
pub fn cases() -> Vec<Case> {
    GROUPS
        .into_iter()
        .flat_map(|(way, recovery, attempts, points)| {
            points.iter().map(move |point| Case { point, way, recovery, attempts })
        })
        .collect()
}
