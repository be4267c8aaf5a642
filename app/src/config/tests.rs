//! The configuration as a user sees it: precedence, origins, every kind of mistake.

use super::*;

fn load_with(
    variables: &[(&str, &str)],
    file: &str,
    values: &[(&'static str, &str, &'static str)],
) -> Result<(Config, Settings), String> {
    let directory = tempfile::tempdir().unwrap();
    if !file.is_empty() {
        std::fs::write(directory.path().join(layers::FILE_NAME), file).unwrap();
    }
    let values =
        values.iter().map(|(key, value, flag)| (*key, (*value).to_owned(), *flag)).collect();
    let file = (!file.is_empty()).then(|| directory.path().join(layers::FILE_NAME));
    let flags = Flags { file, values };
    load(&Environment::of(variables), &flags, directory.path()).map_err(|error| error.to_string())
}

fn refusal(variables: &[(&str, &str)], file: &str) -> String {
    load_with(variables, file, &[]).expect_err("an invalid configuration")
}

#[test]
fn the_defaults_are_a_whole_configuration_for_development() {
    let (config, _) = load_with(&[], "", &[]).unwrap();
    assert_eq!(config.deployment, Deployment::Development);
    assert_eq!(config.api.listen, "127.0.0.1:8080".parse().unwrap());
    assert!(matches!(config.toss, TossChoice::Simulator));
    assert_eq!(config.checkout.pay_by_ms, domain::limits::PAY_BY_MS);
    assert!(config.seeds_demo && config.token_key.is_none() && config.database.url.is_none());
}

#[test]
fn everybody_who_may_wait_may_be_connected() {
    let connections = |polls: &str, streams: &str| {
        let variables =
            [("SEUNGIN__API__POLLS_MAX", polls), ("SEUNGIN__API__STREAMS_MAX", streams)];
        load_with(&variables, "", &[]).unwrap().0.api.connections_max()
    };
    let (config, _) = load_with(&[], "", &[]).unwrap();
    assert_eq!(config.api.connections_max(), 4_096);
    assert_eq!(connections("5000", "6000"), 12_024);
    assert_eq!(connections("0", "0"), 4_096, "who does not wait is connected, too");
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let file = "[api]\nlisten = \"127.0.0.1:1\"\nrequests_max = 7\n[log]\nfilter = \"warn\"";
    let variables = [("SEUNGIN__API__LISTEN", "127.0.0.1:2"), ("SEUNGIN__LOG__FILTER", "debug")];
    let flags = [("api.listen", "127.0.0.1:3", "--listen")];
    let (config, settings) = load_with(&variables, file, &flags).unwrap();
    assert_eq!(config.api.listen.port(), 3);
    assert_eq!(config.log.filter, "debug");
    assert_eq!(config.api.requests_max, 7);
    assert_eq!(settings["api.listen"].origin, "flag --listen");
    assert_eq!(settings["log.filter"].origin, "SEUNGIN__LOG__FILTER");
    assert!(settings["api.requests_max"].origin.ends_with("seungin.toml"));
    assert_eq!(settings["log.format"].origin, "default");
}

#[test]
fn an_unknown_key_is_refused_by_name_wherever_it_stands() {
    let problem = refusal(&[], "[api]\nlisen = \"127.0.0.1:1\"");
    assert!(problem.contains("`api.lisen`") && problem.contains("api.listen"), "{problem}");
    let problem = refusal(&[], "[apis]\nlisten = \"127.0.0.1:1\"");
    assert!(problem.contains("`apis`") && problem.contains("[api]"), "{problem}");
    assert!(problem.contains("/seungin.toml)"), "the file that was named: {problem}");
    let problem = refusal(&[], "[api.inner]\nlisten = 1");
    assert!(problem.contains("`api.inner`"), "{problem}");
    let problem = refusal(&[], "listen = 1");
    assert!(problem.contains("`listen`"), "{problem}");
    let problem = refusal(&[("SEUNGIN__API__LISEN", "x")], "");
    assert!(problem.contains("SEUNGIN__API__LISEN"), "{problem}");
}

#[test]
fn all_problems_are_shown_at_once_and_each_names_key_and_source() {
    let problem = refusal(
        &[("SEUNGIN__WORKER__CONCURRENCY", "0")],
        "environment = \"staging\"\n[api]\nlisten = \"localhost\"\nshop = \"yes\"\n\
         trusted_proxies = [\"10.0.0.0/99\"]\n[log]\nformat = \"xml\"\n[checkout]\npay_by_minutes = -1",
    );
    for part in [
        "`environment`",
        "`api.listen`",
        "`api.shop`",
        "`api.trusted_proxies`",
        "`log.format`",
        "`checkout.pay_by_minutes`",
        "`worker.concurrency` (SEUNGIN__WORKER__CONCURRENCY)",
    ] {
        assert!(problem.contains(part), "{part} is missing in {problem}");
    }
}

#[test]
fn a_file_that_is_no_toml_or_is_not_there_is_a_problem_without_an_excerpt() {
    let problem = refusal(&[], "[toss]\nsecret_key = \"test_sk_hidden\nclient_key = 1");
    assert!(problem.contains("seungin.toml") && problem.contains("line 2"), "{problem}");
    assert!(!problem.contains("hidden"), "{problem}");
    let flags = Flags { file: Some("/nowhere/seungin.toml".into()), values: Vec::new() };
    let missing = load(&Environment::default(), &flags, Path::new("/nowhere")).unwrap_err();
    assert!(missing.to_string().contains("/nowhere/seungin.toml"), "{missing}");
}

#[test]
fn secrets_may_come_from_files_and_are_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    std::fs::write(&path, "test_sk_fromfile\n").unwrap();
    let path = path.to_str().unwrap();
    let variables = [("TOSS_SECRET_KEY_FILE", path), ("TOSS_CLIENT_KEY", "test_ck_public")];
    let (config, settings) = load_with(&variables, "", &[]).unwrap();
    assert!(matches!(config.toss, TossChoice::Toss { .. }));
    let printed = print(&settings, &config);
    assert!(printed.contains("TOSS_SECRET_KEY_FILE") && printed.contains("test_ck_public"));
    assert!(!printed.contains("fromfile") && !format!("{config:?}").contains("fromfile"));

    let both = [("TOSS_SECRET_KEY", "test_sk_a"), ("TOSS_SECRET_KEY_FILE", path)];
    assert!(refusal(&both, "").contains("both set"));
    assert!(refusal(&[("TOSS_SECRET_KEY_FILE", "/nowhere/x")], "").contains("/nowhere/x"));
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let (config, _) = load_with(&[("TOSS_SECRET_KEY", ""), ("DATABASE_URL", "")], "", &[]).unwrap();
    assert!(matches!(config.toss, TossChoice::Simulator) && config.database.url.is_none());
}

#[test]
fn keys_must_be_a_pair_and_a_refusal_repeats_none() {
    for (secret, client) in [
        ("test_sk_secretpart", "live_ck_x"),
        ("test_sk_secretpart", "test_gck_x"),
        ("test_sk_secretpart", "test_sk_secretpart"),
        ("test_sk_secretpart", "test_ck_"),
        ("test_ck_x", "test_sk_secretpart"),
        ("secretpart", "test_ck_x"),
        ("test_sk_secretpart", ""),
        ("", "test_ck_x"),
    ] {
        let problem = refusal(&[("TOSS_SECRET_KEY", secret), ("TOSS_CLIENT_KEY", client)], "");
        assert!(!problem.contains("secretpart"), "{problem}");
        assert!(problem.contains("`toss."), "{problem}");
    }
    let live = [
        ("TOSS_SECRET_KEY", "live_sk_a"),
        ("TOSS_CLIENT_KEY", "live_ck_a"),
        ("SEUNGIN__TOSS__BASE_URL", "http://127.0.0.1:1"),
    ];
    assert!(refusal(&live, "").contains("https only"));
    let live =
        [live[0], live[1], ("SEUNGIN__TOSS__SDK_URL", "http://js.tosspayments.com/v2/standard")];
    assert!(refusal(&live, "").contains("`toss.sdk_url`"), "a script of anybody on the way");
}

#[test]
fn merchants_have_numbered_pairs_from_every_source_and_the_lowest_is_current_unless_another_is_named()
 {
    let file = "[merchants.gangnam.keys.3]\nsecret_key = \"test_sk_g3\"\nclient_key = \"test_ck_g3\"\n\
                [merchants.gangnam.keys.2]\nsecret_key = \"test_sk_g2\"\nclient_key = \"test_ck_g2\"\n\
                [merchants.default]\ncurrent_key = 2";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    std::fs::write(&path, "test_sk_fromfile\n").unwrap();
    let variables = [
        ("TOSS_SECRET_KEY", "test_sk_first"),
        ("TOSS_CLIENT_KEY", "test_ck_first"),
        ("SEUNGIN__MERCHANTS__DEFAULT__KEYS__2__SECRET_KEY_FILE", path.to_str().unwrap()),
        ("SEUNGIN__MERCHANTS__DEFAULT__KEYS__2__CLIENT_KEY", "test_ck_second"),
    ];
    let (config, settings) = load_with(&variables, file, &[]).unwrap();
    let pairs: Vec<_> = config
        .toss
        .key_pairs()
        .into_iter()
        .map(|(pair, is_current)| (pair.merchant, pair.number, is_current))
        .collect();
    let pair = |merchant: &str, number, is_current| (merchant.to_owned(), number, is_current);
    let wanted = [
        pair("default", 1, false),
        pair("default", 2, true),
        pair("gangnam", 2, true),
        pair("gangnam", 3, false),
    ];
    assert_eq!(pairs, wanted);
    let printed = print(&settings, &config);
    assert!(
        printed.contains("merchants.gangnam.keys.3.client_key") && printed.contains("test_ck_g3")
    );
    for secret in ["fromfile", "test_sk_g2", "test_sk_first"] {
        assert!(!printed.contains(secret) && !format!("{config:?}").contains(secret), "{secret}");
    }
}

#[test]
fn merchants_that_are_not_whole_are_refused_and_no_key_is_repeated() {
    let pair = "secret_key = \"test_sk_hush\"\nclient_key = \"test_ck_a\"\n";
    let short = [("TOSS_SECRET_KEY", "test_sk_hush"), ("TOSS_CLIENT_KEY", "test_ck_a")];
    let live = "secret_key = \"live_sk_hush\"\nclient_key = \"live_ck_a\"\n";
    for (variables, file, named) in [
        (
            &[][..],
            "[merchants.a.keys.1]\nsecret_key = \"test_sk_hush\"".to_owned(),
            "`merchants.a.keys.1.client_key`",
        ),
        (&[], "[merchants.a]\ncurrent_key = 1".to_owned(), "`merchants.a.current_key`"),
        (
            &[],
            format!("[merchants.a]\ncurrent_key = 2\n[merchants.a.keys.1]\n{pair}"),
            "`merchants.a.current_key`",
        ),
        (
            &[],
            format!("[merchants.a]\ncurrent_key = \"x\"\n[merchants.a.keys.1]\n{pair}"),
            "`merchants.a.current_key`",
        ),
        (&short, format!("[merchants.default.keys.1]\n{pair}"), "`toss.secret_key`"),
        (&short, format!("[merchants.b.keys.1]\n{live}"), "kind"),
        (&[], format!("[merchants.A.keys.1]\n{pair}"), "`merchants.A`"),
        (&[], format!("[merchants.a.keys.0]\n{pair}"), "`merchants.a.keys.0`"),
        (
            &[("SEUNGIN__MERCHANTS__A__KEYS__1__SECRET", "test_sk_hush")],
            String::new(),
            "no known key",
        ),
    ] {
        let problem = refusal(variables, &file);
        assert!(problem.contains(named) && !problem.contains("hush"), "{named}: {problem}");
    }
}

#[test]
fn production_refuses_everything_that_is_for_trying_out() {
    let problem = refusal(&[], "environment = \"production\"\n[demo]\nseed = true");
    for key in ["toss.secret_key", "security.token_key", "demo.seed", "api.public_url"] {
        assert!(problem.contains(key), "{key} is missing in {problem}");
    }
    let test_keys = [("TOSS_SECRET_KEY", "test_sk_a"), ("TOSS_CLIENT_KEY", "test_ck_a")];
    assert!(refusal(&test_keys, "environment = \"production\"").contains("live key"));

    let token_key = "0f".repeat(32);
    let whole = [
        ("SEUNGIN__ENVIRONMENT", "production"),
        ("TOSS_SECRET_KEY", "live_sk_a"),
        ("TOSS_CLIENT_KEY", "live_ck_a"),
        ("SEUNGIN__SECURITY__TOKEN_KEY", token_key.as_str()),
        ("SEUNGIN__API__PUBLIC_URL", "https://pay.example.com/"),
    ];
    let (config, _) = load_with(&whole, "", &[]).unwrap();
    assert!(!config.seeds_demo && config.token_key.is_some());
    assert!(config.api.trusted_callers.is_empty(), "a proxy on this host would make all trusted");
    let named = [whole.as_slice(), &[("SEUNGIN__API__TRUSTED_CALLERS", "10.1.2.3")]].concat();
    let (named, _) = load_with(&named, "", &[]).unwrap();
    assert_eq!(named.api.trusted_callers.len(), 1);
    assert_eq!(config.api.public_url.unwrap().as_str(), "https://pay.example.com");
    let in_the_clear = whole.map(|(name, value)| (name, value.replace("https:", "http:")));
    let in_the_clear = in_the_clear.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert!(refusal(&in_the_clear, "").contains("over https"), "cookies and tokens");
}

#[test]
fn what_is_printed_is_what_is_in_force() {
    let flags = [("data_dir", "my data", "--data-dir")];
    let (config, settings) = load_with(&[], "", &flags).unwrap();
    let line = |printed: &str, key: &str| {
        printed.lines().find(|line| line.starts_with(key)).unwrap().to_owned()
    };
    let printed = print(&settings, &config);
    assert!(line(&printed, "database.url").contains("sqlite://my%20data/seungin.db"), "{printed}");
    assert!(line(&printed, "api.public_url").contains("http://127.0.0.1:8080"), "{printed}");
    assert!(line(&printed, "security.token_key").contains("generated"), "{printed}");
    assert!(line(&printed, "toss.secret_key").ends_with("not set"), "{printed}");
    assert!(line(&printed, "api.trusted_callers").contains("127.0.0.0/8"), "{printed}");

    let variables = [("DATABASE_URL", "sqlite:///secret/place.db")];
    let (config, settings) = load_with(&variables, "", &[]).unwrap();
    let printed = print(&settings, &config);
    assert!(!printed.contains("secret/place"), "{printed}");
}

#[test]
fn an_origin_is_written_as_browsers_write_it() {
    for (address, origin) in [
        ("https://pay.example.com", "https://pay.example.com"),
        ("https://Pay.Example.com:443/", "https://pay.example.com"),
        ("http://pay.example.com:8080/below", "http://pay.example.com:8080"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://결제.example", "https://xn--p89a133c.example"),
    ] {
        assert_eq!(address.parse::<Address>().unwrap().origin(), origin, "{address}");
    }
}

#[test]
fn an_address_has_no_room_for_a_secret_and_leads_to_no_other_kind_of_place() {
    let addresses = [
        "SEUNGIN__TOSS__BASE_URL",
        "SEUNGIN__TOSS__SDK_URL",
        "SEUNGIN__SIMULATOR__URL",
        "SEUNGIN__SIMULATOR__PUBLIC_URL",
        "SEUNGIN__API__PUBLIC_URL",
        "SEUNGIN__TELEMETRY__OTLP_ENDPOINT",
    ];
    for name in addresses {
        assert!(load_with(&[(name, "https://pay.example/x/")], "", &[]).is_ok(), "{name}");
        for bad in [
            "https://:HUSH@pay.example",
            "https://u:HUSH@pay.example",
            "https://HUSH@pay.example",
            "https://pay.example?key=HUSH",
            "https://pay.example#HUSH",
            "file:///etc/HUSH",
            "gopher://pay.example/HUSH",
            "unix:/run/x",
            "u:HUSH@pay.example",
            "//pay.example/HUSH",
        ] {
            let problem = refusal(&[(name, bad)], "");
            assert!(problem.contains("http(s)://host") && !problem.contains("HUSH"), "{problem}");
        }
    }
}

#[test]
fn redirects_lead_to_this_host_or_to_https() {
    for good in ["/shop/return", "https://shop.example.com/done", "http://127.0.0.1:3000/done"] {
        assert!(good.parse::<Redirect>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "shop",
        "//evil.example",
        "/\\evil",
        "http://shop.example",
        "javascript:alert(1)",
        "/a?b",
        "/a#b",
        "/a b",
    ] {
        assert!(bad.parse::<Redirect>().is_err(), "{bad}");
    }
}

#[test]
fn a_token_key_is_sixty_four_hexadecimal_digits() {
    assert_eq!(decode_token_key(&"0f".repeat(32)), Some([15; 32]));
    for bad in ["", "0f", &"0g".repeat(32), &"0f".repeat(33), &"가나".repeat(32)] {
        assert_eq!(decode_token_key(bad), None, "{bad}");
    }
    let problem = refusal(&[("SEUNGIN__SECURITY__TOKEN_KEY", "deadbeef")], "");
    assert!(problem.contains("64 hexadecimal") && !problem.contains("deadbeef"), "{problem}");
}

#[test]
fn lists_come_from_arrays_or_from_texts_with_commas() {
    let file = "[api]\nallowed_origins = [\"https://a.example\", \"https://b.example\"]";
    let (config, _) = load_with(&[], file, &[]).unwrap();
    assert_eq!(config.api.allowed_origins.len(), 2);
    let variables = [("SEUNGIN__API__ALLOWED_ORIGINS", "https://a.example, https://b.example,")];
    let (config, _) = load_with(&variables, "", &[]).unwrap();
    assert_eq!(config.api.allowed_origins.len(), 2);
}

/// The file is made of the table of keys: `UPDATE_DOCS=1 cargo test -p app` writes it anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of this test, not configuration")]
fn the_example_file_has_every_key_and_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/seungin.example.toml");
    let wanted = example();
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == wanted,
        "config/seungin.example.toml is old: UPDATE_DOCS=1 cargo test -p app"
    );
}

#[test]
fn the_example_with_every_default_uncommented_changes_nothing() {
    let is_default = |line: &&str| {
        let line = line.trim_start_matches('#');
        let known = keys::KEYS
            .iter()
            .filter_map(|key| Some(format!("{} = {}", key.name.rsplit('.').next()?, key.default?)));
        line.starts_with('[') || known.collect::<Vec<_>>().contains(&line.to_owned())
    };
    let text = example();
    let file: Vec<&str> =
        text.lines().filter(is_default).map(|line| line.trim_start_matches('#')).collect();
    assert!(file.len() > keys::KEYS.len());
    let (_, with_file) = load_with(&[], &file.join("\n"), &[]).unwrap();
    let (_, without) = load_with(&[], "", &[]).unwrap();
    for (name, setting) in &without {
        assert_eq!(with_file[name].value.to_string(), setting.value.to_string(), "{name}");
    }
}
