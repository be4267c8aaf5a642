//! What is measured at the broker, and what it means. Labels are words of this crate and nothing else.

use metrics::{Unit, describe_counter, describe_gauge};

pub(crate) const CONNECTED: &str = "seungin_queue_connected";
pub(crate) const RECONNECTS: &str = "seungin_queue_reconnects_total";
pub(crate) const PUBLISHED: &str = "seungin_queue_published_total";
pub(crate) const DELIVERED: &str = "seungin_queue_delivered_total";
pub(crate) const ACKED: &str = "seungin_queue_acked_total";
pub(crate) const POISON: &str = "seungin_queue_poison_total";

/// Says what they mean, to the recorder that is installed. A queue within the process counts none of them.
pub fn describe_metrics() {
    describe_gauge!(
        CONNECTED,
        Unit::Count,
        "Connections of this process to RabbitMQ, by `role`: publisher, consumer, dead_letters. Missing before the first."
    );
    describe_counter!(
        RECONNECTS,
        Unit::Count,
        "Connections to RabbitMQ that were lost, by `role`."
    );
    describe_counter!(
        PUBLISHED,
        Unit::Count,
        "Messages for RabbitMQ, by `lane` and `outcome`: confirmed when it has them; returned, nacked, unknown and unsent are published again."
    );
    describe_counter!(
        DELIVERED,
        Unit::Count,
        "Messages from RabbitMQ, by `lane` and by whether they came before (`redelivered`)."
    );
    describe_counter!(ACKED, Unit::Count, "Messages that RabbitMQ was told to be done with.");
    describe_counter!(
        POISON,
        Unit::Count,
        "Messages that could not be read: they become dead letters and are set aside."
    );
}
