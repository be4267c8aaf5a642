//! A process of its own that installs no TLS provider.

use toss::{BuildError, SecretKey, TossClient, TossConfig};

#[test]
fn a_process_without_tls_gets_an_error_and_no_panic() {
    let config =
        TossConfig::new("https://api.tosspayments.com", SecretKey::parse("test_sk_a").unwrap());
    assert!(matches!(TossClient::new(config), Err(BuildError::NoTlsProvider)));
}
