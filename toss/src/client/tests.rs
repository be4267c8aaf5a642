//! Which configurations make a client, and what is never sent.

use super::*;

fn config(base_url: &str, key: &str) -> TossConfig {
    TossConfig::new(base_url, SecretKey::parse(key).unwrap())
}

fn install_tls() {
    // Another test of this process may have been first.
    rustls::crypto::ring::default_provider().install_default().ok();
}

#[test]
fn an_address_is_http_or_https_and_nothing_else() {
    install_tls();
    for good in
        ["https://api.tosspayments.com", "http://127.0.0.1:8081/", "http://simulator:9/toss"]
    {
        TossClient::new(config(good, "test_sk_a")).unwrap();
    }
    for bad in [
        "",
        "api.tosspayments.com",
        "ftp://a",
        "http://",
        "https://u:p@a",
        "https://a/?q=1",
        "https://a/#f",
        "data:x",
    ] {
        assert!(
            matches!(TossClient::new(config(bad, "test_sk_a")), Err(BuildError::BaseUrl)),
            "{bad}"
        );
    }
}

#[test]
fn a_live_key_never_travels_in_the_clear() {
    install_tls();
    for key in ["live_sk_a", "live_gsk_a"] {
        assert!(matches!(
            TossClient::new(config("http://127.0.0.1:8081", key)),
            Err(BuildError::LiveKeyInTheClear)
        ));
        TossClient::new(config("https://api.tosspayments.com", key)).unwrap();
    }
}

#[test]
fn connecting_gets_less_time_than_the_call() {
    install_tls();
    let good = config("https://api.tosspayments.com", "test_sk_a");
    for connect_timeout in [Duration::ZERO, good.call_deadline] {
        let bad = TossConfig { connect_timeout, ..good.clone() };
        assert!(matches!(TossClient::new(bad), Err(BuildError::Times)));
    }
}

#[test]
fn the_key_is_not_shown_by_client_configuration_or_request() {
    install_tls();
    let config = config("https://api.tosspayments.com", "test_sk_verysecret");
    let client = TossClient::new(config.clone()).unwrap();
    assert!(!format!("{config:?} {client:?}").contains("verysecret"));
    let url = client.address("/v1/payments/pk");
    let request = client.request(Method::GET, &url, None).unwrap();
    assert!(request.headers()[AUTHORIZATION].is_sensitive());
    assert!(format!("{request:?}").contains(r#""authorization": Sensitive"#), "{request:?}");
}
