//! A database's address: whether it can be one, and what of it may be shown. It holds a password, and the libraries below repeat it in
//! their messages; so it is looked at here first, and what is wrong is said in words of our own.

use std::str::FromStr as _;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;

/// What cannot be an address of a database. Never contains the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Neither of the two kinds.
    #[error("it must begin with postgres:// or sqlite:")]
    Scheme,
    /// A character that ends the server's part of a URL stands before its end: in a password, most likely.
    #[error(
        "it cannot be read: percent-encode / ? # @ and % in the user and the password, as %2F %3F %23 %40 and %25"
    )]
    Unescaped,
    /// Not of the form of its kind.
    #[error(
        "it cannot be read: it must look like postgres://user:password@host:5432/database, with / ? # @ and % in the user and the \
         password percent-encoded, as %2F %3F %23 %40 and %25"
    )]
    Postgres,
    /// Not of the form of its kind.
    #[error("it cannot be read: it must look like sqlite://path/to/file.db?mode=rwc")]
    Sqlite,
}

/// Whether this is the address of a PostgreSQL database.
#[must_use]
pub fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Whether a database can be opened by this address, without trying to.
///
/// # Errors
/// [`InvalidAddress`] says what to change, and repeats nothing of it.
pub fn check_address(url: &str) -> Result<(), InvalidAddress> {
    if is_postgres(url) {
        return check_postgres(url);
    }
    if !url.starts_with("sqlite:") {
        return Err(InvalidAddress::Scheme);
    }
    SqliteConnectOptions::from_str(url).map(|_| ()).map_err(|_| InvalidAddress::Sqlite)
}

fn check_postgres(url: &str) -> Result<(), InvalidAddress> {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    // It would be read as a server named after the user, and the rest of the password as a path.
    let is_cut = rest.split_once(['/', '?', '#']).is_some_and(|(_, after)| after.contains('@'));
    if is_cut || rest.contains('#') {
        return Err(InvalidAddress::Unescaped);
    }
    PgConnectOptions::from_str(url).map(|_| ()).map_err(|_| InvalidAddress::Postgres)
}

/// The server of a PostgreSQL database for messages: `host:port`, without user and password. `None` for SQLite, and for what is no address.
#[must_use]
pub fn server_of(url: &str) -> Option<String> {
    check_address(url).ok()?;
    if !is_postgres(url) {
        return None;
    }
    let options = PgConnectOptions::from_str(url).ok()?;
    Some(match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_read_is_refused_with_what_to_do_and_without_its_password() {
        use InvalidAddress::{Postgres, Scheme, Sqlite, Unescaped};
        for (url, why) in [
            ("postgres://seungin:SECRET/PW@db:5432/seungin", Unescaped),
            ("postgres://seungin:SECRET?PW@db:5432/seungin", Unescaped),
            ("postgres://seungin:SECRET#PW@db:5432/seungin", Unescaped),
            // These can be read: as a server called "seungin" with a port.
            ("postgres://seungin:5433/PWSECRET@db/seungin", Unescaped),
            ("postgres://seungin:5433#SECRET", Unescaped),
            ("postgresql://seungin:SECRET@db:port/seungin", Postgres),
            ("postgres://seungin:SECRET@db:99999/seungin", Postgres),
            ("postgres://seungin:SECRET@", Postgres),
            ("postgres://seungin:SECRET%FF@db/seungin", Postgres),
            ("postgres://seungin:SECRET@db/seungin?sslmode=perhaps", Postgres),
            ("sqlite://seungin.db?mode=SECRET", Sqlite),
            ("mysql://seungin:SECRET@db/seungin", Scheme),
            ("SECRET", Scheme),
        ] {
            let refused = check_address(url).expect_err(url);
            assert_eq!(refused, why, "{url}");
            assert!(!refused.to_string().contains("SECRET"), "{refused}");
            assert_eq!(server_of(url), None);
        }
    }

    #[test]
    fn an_address_that_can_be_read_is_taken_and_its_server_is_shown_without_the_password() {
        for (url, server) in [
            ("postgres://seungin:p%2Fw%3F%23%40@db.example:5433/seungin", "db.example:5433"),
            ("postgres://db/seungin?sslmode=require", "db:5432"),
            ("postgres://u:p@[::1]:5432/x", "[::1]:5432"),
            ("postgres:///x?host=/run/postgresql", "/run/postgresql"),
        ] {
            assert_eq!(check_address(url), Ok(()), "{url}");
            assert_eq!(server_of(url).as_deref(), Some(server), "{url}");
        }
        for url in ["sqlite::memory:", "sqlite:///var/lib/seungin.db?mode=rwc", "sqlite://a.db"] {
            assert_eq!((check_address(url), server_of(url)), (Ok(()), None), "{url}");
        }
    }
}
