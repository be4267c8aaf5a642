//! The units of systemd: what each process may do at the most, and whether the binary takes what they give it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use domain::limits::DRAIN_MS;

use crate::project::{assert_takes, configuration_variables, read, root, seungin};

const UNITS: [(&str, &str); 3] = [
    ("seungin-api.service", "api"),
    ("seungin-migrate.service", "migrate"),
    ("seungin-worker@.service", "worker"),
];
/// Where they expect the binary.
const BINARY: &str = "/usr/local/bin/seungin";
/// What every unit has to say.
const CONTAINED: [&str; 37] = [
    "DynamicUser=yes",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateUsers=yes",
    "PrivateIPC=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "RemoveIPC=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "SystemCallErrorNumber=EPERM",
    "UMask=0077",
    "KeyringMode=private",
    "MemoryMax=512M",
    "TasksMax=256",
    "LimitNOFILE=16384",
    "LimitCORE=0",
    "Environment=SEUNGIN__ENVIRONMENT=production",
    "EnvironmentFile=/etc/seungin/seungin.env",
];
/// What would take some of it back.
const OPENING: [&str; 7] = [
    "BindPaths",
    "ReadWritePaths",
    "StateDirectory",
    "SupplementaryGroups",
    "PermissionsStartOnly",
    "PassEnvironment",
    "SetCredential",
];
/// What `systemd-analyze security` may say at the most, in tenths: 0 is shut, 100 is open.
const EXPOSURE_MAX: &str = "15";

fn unit(name: &str) -> Vec<(String, String)> {
    let text = read(&format!("deploy/systemd/{name}"));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '[']));
    let pairs = lines.map(|line| line.split_once('=').unwrap_or_else(|| panic!("{name}: {line}")));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn all<'a>(unit: &'a [(String, String)], key: &str) -> Vec<&'a str> {
    unit.iter().filter(|(known, _)| known == key).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn every_unit_is_contained_and_there_is_no_other() {
    let shipped: BTreeSet<String> = std::fs::read_dir(root().join("deploy/systemd"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(shipped, UNITS.iter().map(|(name, _)| (*name).to_owned()).collect());
    for (name, _) in UNITS {
        let unit = unit(name);
        for line in CONTAINED {
            let (key, value) = line.split_once('=').unwrap();
            assert!(all(&unit, key).contains(&value), "{name} has no {line}");
        }
        for opening in OPENING {
            assert!(all(&unit, opening).is_empty(), "{name} has {opening}");
        }
        // A second line of the same name would be the one that counts.
        let lists = ["Environment", "LoadCredential", "SystemCallFilter"];
        let names: BTreeSet<&str> = unit.iter().map(|(key, _)| key.as_str()).collect();
        for key in names.into_iter().filter(|key| !lists.contains(key)) {
            assert_eq!(all(&unit, key).len(), 1, "{name}: {key}");
        }
    }
}

/// The environment of a unit's process, with its credentials in a directory.
fn environment(unit: &[(String, String)], credentials: &str) -> BTreeMap<String, String> {
    let pairs =
        all(unit, "Environment").into_iter().map(|pair| pair.split_once('=').expect("NAME=value"));
    pairs
        .map(|(name, value)| (name.to_owned(), value.replace("%d", credentials).replace("%i", "1")))
        .collect()
}

#[test]
fn the_binary_takes_what_every_unit_gives_it_and_secrets_come_as_credentials() {
    let credentials = tempfile::tempdir().unwrap();
    let at = credentials.path().to_str().unwrap();
    let secrets = [
        ("database-url", "postgres://seungin:hush@127.0.0.1/seungin\n"),
        ("queue-url", "amqp://seungin:hush@127.0.0.1/%2f\n"),
        ("token-key", &*format!("{}\n", "8c3f".repeat(16))),
        ("toss-secret-key", "live_sk_0123456789\n"),
    ];
    for (name, secret) in secrets {
        std::fs::write(credentials.path().join(name), secret).unwrap();
    }
    let known = configuration_variables();
    for (name, command) in UNITS {
        let unit = unit(name);
        assert_eq!(all(&unit, "ExecStart"), [format!("{BINARY} {command}")], "{name}");
        assert_takes(&[command]);
        let mut environment = environment(&unit, at);
        for (variable, value) in &environment {
            let (key, is_file) =
                variable.strip_suffix("_FILE").map_or((&**variable, false), |key| (key, true));
            assert!(known.contains(key), "{name}: nothing is called {variable}");
            assert_eq!(is_file, value.starts_with(at), "{name}: {variable}");
            let is_secret = ["SECRET", "TOKEN_KEY", "DATABASE_URL", "AMQP_URL"]
                .iter()
                .any(|it| key.contains(it));
            assert_eq!(is_secret, is_file, "{name}: {variable} is read by whoever asks systemd");
        }
        let loaded: Vec<String> =
            secrets.iter().map(|(secret, _)| format!("{secret}:/etc/seungin/{secret}")).collect();
        assert_eq!(all(&unit, "LoadCredential"), loaded, "{name}");
        // What the operator's own file has to say at the least.
        environment
            .insert("SEUNGIN__API__PUBLIC_URL".to_owned(), "https://pay.example.com".to_owned());
        environment.insert("TOSS_CLIENT_KEY".to_owned(), "live_ck_0123456789".to_owned());
        let output = seungin(&["config", "check"], &environment);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_runs_on_is_started_again_after_the_schema_and_ends_its_calls_first() {
    for (name, command) in UNITS {
        let unit = unit(name);
        if command == "migrate" {
            assert_eq!(all(&unit, "Type"), ["oneshot"]);
            assert_eq!(all(&unit, "TimeoutStartSec"), ["infinity"]);
            // At a boot the database may come up later.
            assert_eq!(
                (all(&unit, "Restart"), all(&unit, "StartLimitIntervalSec")),
                (vec!["on-failure"], vec!["0"])
            );
            continue;
        }
        assert_eq!(
            (all(&unit, "Restart"), all(&unit, "StartLimitIntervalSec")),
            (vec!["always"], vec!["0"]),
            "{name}"
        );
        // A schema that is brought up to date, or cannot be, stops nothing that runs.
        assert!(all(&unit, "Requires").is_empty(), "{name}");
        assert!(all(&unit, "Wants")[0].contains("seungin-migrate.service"), "{name}");
        assert!(all(&unit, "After")[0].contains("seungin-migrate.service"), "{name}");
        let seconds: i64 = all(&unit, "TimeoutStopSec")[0].parse().unwrap();
        assert!(
            seconds.checked_mul(1_000).unwrap() >= DRAIN_MS.checked_add(10_000).unwrap(),
            "{name} is killed too early"
        );
        let listens: Vec<&str> =
            all(&unit, "Environment").into_iter().filter(|it| it.contains("LISTEN=")).collect();
        // Whoever is in front of it on this machine is believed about where a request comes from.
        let proxies = "SEUNGIN__API__TRUSTED_PROXIES=127.0.0.1,::1";
        assert_eq!(all(&unit, "Environment").contains(&proxies), command == "api", "{name}");
        assert!(
            !listens.is_empty() && listens.iter().all(|it| it.contains("=127.0.0.1:")),
            "{name}: {listens:?}"
        );
    }
}

#[test]
fn systemd_finds_no_fault_with_the_units_and_little_that_they_leave_open() {
    let place = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (name, _) in UNITS {
        let text = read(&format!("deploy/systemd/{name}"))
            .replace(BINARY, system_tests::binary().to_str().unwrap());
        // Of a template, what becomes of it.
        for name in BTreeSet::from([name.to_owned(), name.replace("@.", "@1.")]) {
            let file = place.path().join(&name);
            std::fs::write(&file, &text).unwrap();
            files.extend((!name.contains("@.")).then_some(file));
        }
    }
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(arguments).args(&files).env("SYSTEMD_PAGER", "cat");
        let output = command.output().expect("systemd-analyze, of Debian's package `systemd`");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    let (is_well, said) = analyze(&["verify", "--man=no"]);
    assert!(is_well && said.is_empty(), "{said}");
    let (is_shut, said) =
        analyze(&["security", "--offline=true", &format!("--threshold={EXPOSURE_MAX}")]);
    assert!(is_shut, "{said}");
}
