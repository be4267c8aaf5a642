//! The table of every configuration key: its name, default and meaning. The example file, the
//! unknown-key check and `config print` are made of it. Not here: what makes a value valid.

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// `section.name`, as in the file. A name with [`MERCHANT`] or [`NUMBER`] in it stands for many keys.
    pub(crate) name: &'static str,
    /// The default as TOML, or `None` when there is none.
    pub(crate) default: Option<&'static str>,
    /// The default in production as TOML, where it is another one.
    pub(crate) production: Option<&'static str>,
    /// A value to show in the example file when there is no default.
    pub(crate) sample: &'static str,
    /// Other environment variables that set it.
    pub(crate) aliases: &'static [&'static str],
    /// Whether it is never shown, and may come from a file named by `…_FILE`.
    pub(crate) is_secret: bool,
    /// What it means, in sentences, one line each.
    pub(crate) meaning: &'static [&'static str],
}

/// Stands in names for a merchant's: lower-case letters, digits, `-` and single `_`.
pub(crate) const MERCHANT: &str = "<merchant>";
/// Stands in names for the number of a pair of keys, from 1.
pub(crate) const NUMBER: &str = "<number>";
/// The longest name of a merchant.
const MERCHANT_CHARS_MAX: usize = 40;

/// What variables that set keys begin with.
pub(crate) const PREFIX: &str = "SEUNGIN__";

impl Key {
    /// Its variable: `SEUNGIN__SECTION__NAME`.
    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('.', "__").to_ascii_uppercase())
    }

    /// Whether it stands for many keys.
    pub(crate) fn is_pattern(&self) -> bool {
        self.name.contains(['<', '>'])
    }

    /// Whether this is its name, or one of those that it stands for.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name.split('.').count() == name.split('.').count() && self.begins_with(name)
    }

    /// Whether its name begins with these parts.
    pub(crate) fn begins_with(&self, parts: &str) -> bool {
        let mut own = self.name.split('.');
        parts.split('.').all(|part| match own.next() {
            Some(MERCHANT) => is_merchant(part),
            Some(NUMBER) => is_number(part),
            Some(own) => own == part,
            None => false,
        })
    }

    /// The table of the file that it stands in.
    pub(crate) fn table(&self) -> &'static str {
        self.name.rsplit_once('.').map_or("", |(table, _)| table)
    }

    /// The part before the first dot; empty for a key outside of all sections.
    pub(crate) fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }
}

/// The key of this name.
pub(crate) fn find_key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.is_named(name))
}

fn is_merchant(text: &str) -> bool {
    let is_allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
    };
    // Two in a row separate the parts of a variable's name.
    (1..=MERCHANT_CHARS_MAX).contains(&text.len())
        && text.bytes().all(is_allowed)
        && !text.contains("__")
        && !text.starts_with('_')
        && !text.ends_with('_')
}

fn is_number(text: &str) -> bool {
    (1..=4).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

const fn key(name: &'static str, default: &'static str, meaning: &'static [&'static str]) -> Key {
    Key { default: Some(default), ..unset(name, "", meaning) }
}

const fn unset(name: &'static str, sample: &'static str, meaning: &'static [&'static str]) -> Key {
    Key { name, default: None, production: None, sample, aliases: &[], is_secret: false, meaning }
}

/// Every key, section by section.
pub(crate) const KEYS: &[Key] = &[
    key(
        "environment",
        r#""development""#,
        &[
            "\"development\" or \"production\". Production refuses what is only for trying out: the",
            "simulator, test keys, demo staff, and secrets that were generated instead of configured.",
        ],
    ),
    key(
        "data_dir",
        r#"".seungin""#,
        &[
            "Where the embedded product keeps everything: database, generated secrets, simulator state.",
            "Relative to the current directory. Flag: --data-dir.",
        ],
    ),
    key(
        "api.listen",
        r#""127.0.0.1:8080""#,
        &[
            "Address and port of the API and the demo shop. Port 0 takes a free one. Flag: --listen.",
        ],
    ),
    unset(
        "api.public_url",
        r#""https://pay.example.com""#,
        &[
            "How browsers reach the API; the payment window sends customers back to it.",
            "Default: http:// and the address that `api.listen` got.",
        ],
    ),
    key(
        "api.allowed_origins",
        "[]",
        &["Origins of shops on other hosts whose pages may call the API (CORS)."],
    ),
    key(
        "api.trusted_proxies",
        "[]",
        &[
            "Address ranges of proxies whose X-Forwarded-For is believed, such as \"10.0.0.0/8\".",
            "Without them the peer is the caller: behind a proxy that is not named here all customers",
            "together have the rate of one.",
        ],
    ),
    Key {
        production: Some("[]"),
        ..key(
            "api.trusted_callers",
            r#"["127.0.0.0/8", "::1"]"#,
            &[
                "Address ranges with a rate limit of their own, such as a shop's own server. Whoever comes",
                "through a proxy that is not in `api.trusted_proxies` is never one of them; a proxy that adds",
                "no X-Forwarded-For cannot be told from a caller, so never name the address of one here.",
            ],
        )
    },
    Key {
        // Toss's list. Source: Toss documents, network allow-list of webhooks (2024-12).
        production: Some(
            r#"["13.124.18.147", "13.124.108.35", "3.36.173.151", "3.38.81.32", "115.92.221.121", "115.92.221.122", "115.92.221.123", "115.92.221.125", "115.92.221.126", "115.92.221.127"]"#,
        ),
        ..key(
            "api.webhook_sources",
            "[]",
            &[
                "Address ranges that webhooks are taken from; with none, from anybody, within a rate. Nothing in",
                "a webhook is believed, whoever sent it. In production the addresses that Toss names; its list",
                "grows: add to it what Toss announces. Behind a proxy, name it in `api.trusted_proxies`.",
            ],
        )
    },
    key(
        "api.requests_max",
        "512",
        &[
            "Requests in work at the same time, without those of the console; more are answered 503.",
        ],
    ),
    key(
        "api.polls_max",
        "2048",
        &[
            "Long polls that wait at the same time; more are answered at once. Of one order at most 16.",
        ],
    ),
    key(
        "api.streams_max",
        "1024",
        &["Event streams open at the same time; more are answered 503. Of one order at most 16."],
    ),
    key(
        "api.public_per_second",
        "10",
        &["Quotes and orders per second and caller, in the long run."],
    ),
    key("api.public_burst", "40", &["Quotes and orders of one caller at once."]),
    key(
        "api.staff_per_second",
        "50",
        &["Changes per second and member of staff, in the long run."],
    ),
    key("api.staff_burst", "200", &["Changes of one member of staff at once."]),
    key("api.shop", "true", &["Whether the demo shop is served at /."]),
    key(
        "console.confirm_amount_above",
        "100000",
        &[
            "Won: whoever begins a larger cancel at the console types its amount once more. 0 asks for it always.",
        ],
    ),
    Key {
        aliases: &["DATABASE_URL"],
        is_secret: true,
        ..unset(
            "database.url",
            r#""sqlite:///var/lib/seungin/seungin.db?mode=rwc""#,
            &[
                "Where the database is: postgres://user:password@host:5432/name, or a file of SQLite.",
                "Default: the file seungin.db in the data directory. The roles `seungin api` and",
                "`seungin worker` need PostgreSQL.",
            ],
        )
    },
    key("database.connections_max", "8", &["Connections that one process opens at the most."]),
    Key {
        aliases: &["AMQP_URL"],
        is_secret: true,
        ..unset(
            "queue.url",
            r#""amqp://user:password@localhost:5672/vhost""#,
            &[
                "Where RabbitMQ is: amqp:// or, over TLS, amqps://. Without it the queue is within the process;",
                "the roles `seungin api` and `seungin worker` need it.",
            ],
        )
    },
    key(
        "queue.prefix",
        r#""seungin""#,
        &[
            "What the names of queues and exchanges begin with, so that several products share a vhost.",
        ],
    ),
    unset(
        "queue.ca_file",
        r#""/etc/seungin/rabbitmq-ca.pem""#,
        &["Certificates (PEM) that RabbitMQ's is trusted by, besides the system's."],
    ),
    key(
        "queue.capacity_per_lane",
        "100000",
        &["Messages per lane of the in-process queue. More wait in the database."],
    ),
    key(
        "worker.concurrency",
        "64",
        &["Calls to Toss that one process makes at the same time. Flag: --concurrency."],
    ),
    key(
        "worker.kinds",
        "[]",
        &[
            "The jobs that this worker takes: confirm, cancel, look_up, bulk; none for all of them. So",
            "confirms can have workers of their own. Flag: --kinds confirm,cancel.",
        ],
    ),
    Key {
        aliases: &["TOSS_SECRET_KEY"],
        is_secret: true,
        ..unset(
            "toss.secret_key",
            r#""test_sk_…""#,
            &[
                "The merchant's secret key. With it calls go to Toss; without any to the bundled simulator.",
                "Short for key pair 1 of the merchant \"default\": see the merchants below.",
            ],
        )
    },
    Key {
        aliases: &["TOSS_CLIENT_KEY"],
        ..unset(
            "toss.client_key",
            r#""test_ck_…""#,
            &["The client key of the same pair, for the payment window in the browser."],
        )
    },
    key(
        "toss.base_url",
        r#""https://api.tosspayments.com""#,
        &["Toss's API. Used with a secret key only."],
    ),
    key(
        "toss.concurrency",
        "64",
        &["Calls that one worker makes at the same time for one merchant."],
    ),
    key(
        "toss.calls_per_minute",
        "0",
        &[
            "Confirms, cancels and look-ups (each by itself) per minute and merchant, of all workers together;",
            "0 for as many as come. Toss's test environment takes 100.",
        ],
    ),
    key(
        "toss.sdk_url",
        r#""https://js.tosspayments.com/v2/standard""#,
        &["Toss's browser script. Used with a secret key only."],
    ),
    unset(
        "merchants.<merchant>.current_key",
        "1",
        &[
            "Merchants (Toss: MID), each with numbered pairs of keys; a store names its merchant. New orders take the",
            "current pair, and stay with it to their end. Default: the lowest number, so that a new pair changes nothing",
            "before it is named here. See docs/key-rotation.md.",
            "Names have lower-case letters, digits, '-' and '_'. The merchant of stores that name none is \"default\",",
            "or the only one.",
        ],
    ),
    Key {
        is_secret: true,
        ..unset(
            "merchants.<merchant>.keys.<number>.secret_key",
            r#""test_sk_…""#,
            &["A pair's secret key. Numbers begin at 1 and are never used again for another pair."],
        )
    },
    unset(
        "merchants.<merchant>.keys.<number>.client_key",
        r#""test_ck_…""#,
        &["The client key of the same pair, for the payment window in the browser."],
    ),
    key(
        "simulator.listen",
        r#""127.0.0.1:8081""#,
        &["Address and port of the bundled simulator. Flag: --simulator-listen."],
    ),
    unset(
        "simulator.url",
        r#""http://simulator:8081""#,
        &[
            "Where `seungin api` and `seungin worker` find a `seungin simulator`, when there are no keys of Toss.",
            "Default: http:// and `simulator.listen`.",
        ],
    ),
    unset(
        "simulator.public_url",
        r#""http://localhost:8081""#,
        &[
            "How browsers reach the simulator, whose payment window they open. Default: as the product does.",
        ],
    ),
    key(
        "simulator.webhooks",
        "true",
        &[
            "Whether the bundled simulator tells the API of payments, as Toss does. One that runs by itself is told",
            "where to by `seungin simulator --webhook-url`.",
        ],
    ),
    unset(
        "health.listen",
        r#""127.0.0.1:9464""#,
        &[
            "Address and port of a listener for /livez, /readyz and /metrics alone, which belong to operators.",
            "Without it there is none, and outside of production the API serves /metrics too. Flag: --health-listen.",
        ],
    ),
    key(
        "checkout.success_redirect",
        r#""/shop/return""#,
        &["Where a customer's browser goes after the payment window; a path here or an https URL."],
    ),
    key(
        "checkout.fail_redirect",
        r#""/shop/return""#,
        &["The same after the window was left without paying."],
    ),
    key(
        "checkout.pay_by_minutes",
        "45",
        &["How long an order may be paid. Toss's window lives 30 minutes and its confirm 10."],
    ),
    key(
        "checkout.on_late_approval",
        r#""cancel""#,
        &[
            "What becomes of money that Toss took after the order had been given up as failed or expired: \"cancel\"",
            "gives it back, because customers were told to order again; \"keep\" leaves it to a person unless the",
            "customer has ordered again. Deposits into accounts are left to a person anyway.",
        ],
    ),
    Key {
        is_secret: true,
        ..unset(
            "security.token_key",
            r#""64 hexadecimal digits""#,
            &[
                "The key that order tokens are signed with, and from which the key is derived that customers'",
                "refund accounts are sealed with: the same for every process. Make one by: openssl rand -hex 32",
                "A new one makes tokens worthless, and stops refunds under way to bank accounts for a person.",
                "In development one is generated into the data directory.",
            ],
        )
    },
    key(
        "reconcile.enabled",
        "true",
        &[
            "Whether one of all workers compares the last three days with Toss's records once a day and keeps",
            "what differs as findings. docs/reconciliation.md says what each kind means.",
        ],
    ),
    key("reconcile.at", r#""04:10""#, &["At what time of day, in Korea."]),
    key(
        "retention.jobs_days",
        "90",
        &[
            "How many days ended jobs and their attempts are kept, at least 15; those of payments that can still be cancelled",
            "are kept for ever. What docs/retention.md says is deleted once a day, or by `seungin prune`.",
        ],
    ),
    key(
        "retention.idempotency_days",
        "90",
        &["How many days a caller's idempotency key finds what it made, at least 30."],
    ),
    key(
        "retention.webhooks_days",
        "90",
        &["How many days webhooks are kept, at least 7: Toss sends one for almost four days."],
    ),
    key("retention.poison_days", "90", &["How many days messages are kept that named no job."]),
    key(
        "retention.workers_days",
        "7",
        &["How many days after its last heartbeat a worker is forgotten that did not say goodbye."],
    ),
    key(
        "retention.sessions_days",
        "7",
        &[
            "How many days after its last request a session of the console is forgotten. It is over long before.",
        ],
    ),
    Key {
        production: Some("false"),
        ..key(
            "demo.seed",
            "true",
            &["Whether a new database gets two stores and three staff to try out."],
        )
    },
    key(
        "log.filter",
        r#""info,sea_orm_migration=warn,lapin=off,sqlx_core::pool=error""#,
        &["Which log lines: a level, or directives such as \"info,toss=debug\". Flag: --log."],
    ),
    key(
        "log.format",
        r#""auto""#,
        &["\"pretty\", \"json\", or \"auto\": pretty on a terminal, JSON otherwise."],
    ),
    Key {
        aliases: &["OTEL_EXPORTER_OTLP_ENDPOINT"],
        ..unset(
            "telemetry.otlp_endpoint",
            r#""http://127.0.0.1:4318""#,
            &[
                "A collector that takes traces by OTLP over HTTP, at this address and /v1/traces. Without",
                "it nothing is exported. One that is away or slow holds nothing up.",
            ],
        )
    },
    Key {
        aliases: &["OTEL_SERVICE_NAME"],
        ..key(
            "telemetry.service_name",
            r#""seungin""#,
            &["What the processes are called in traces."],
        )
    },
    key(
        "telemetry.sample_permille",
        "1000",
        &["How many of a thousand traces are exported; each as a whole, by whichever process."],
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_variables_are_unique_and_sections_stand_together() {
        let names: BTreeSet<&str> = KEYS.iter().map(|key| key.name).collect();
        assert_eq!(names.len(), KEYS.len());
        let aliases =
            KEYS.iter().flat_map(|key| key.aliases.iter().map(|alias| (*alias).to_owned()));
        let variables: Vec<String> = KEYS.iter().map(Key::variable).chain(aliases).collect();
        assert_eq!(variables.iter().collect::<BTreeSet<_>>().len(), variables.len());
        let mut sections: Vec<&str> = KEYS.iter().map(Key::section).collect();
        sections.dedup();
        assert_eq!(sections.iter().collect::<BTreeSet<_>>().len(), sections.len());
    }

    #[test]
    fn a_pattern_stands_for_the_names_of_merchants_and_numbers() {
        let name = |name| find_key(name).map(|key| key.name);
        let secret = Some("merchants.<merchant>.keys.<number>.secret_key");
        for good in ["merchants.default.keys.1.secret_key", "merchants.se-oul_2.keys.12.secret_key"]
        {
            assert_eq!(name(good), secret, "{good}");
        }
        for bad in [
            "merchants..keys.1.secret_key",
            "merchants.A.keys.1.secret_key",
            "merchants.a__b.keys.1.secret_key",
            "merchants.a.keys.0.secret_key",
            "merchants.a.keys.01.secret_key",
            "merchants.a.keys.1",
            "merchants.a.keys.1.secret_key.x",
        ] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_key_has_a_default_or_a_sample_and_says_what_it_means() {
        for key in KEYS {
            assert_ne!(key.default.is_some(), !key.sample.is_empty(), "{}", key.name);
            assert!(!key.meaning.is_empty(), "{}", key.name);
        }
    }
}
