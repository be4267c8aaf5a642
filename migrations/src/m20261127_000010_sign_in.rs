//! Signing in: names and passwords of staff, the browsers that they are signed in with, and how often somebody guessed.

crate::migration! {
    up: "
ALTER TABLE staff ADD COLUMN login TEXT;
ALTER TABLE staff ADD COLUMN password_hash TEXT;
CREATE UNIQUE INDEX staff_by_login ON staff (login);
CREATE TABLE web_sessions (
    token_hash TEXT NOT NULL PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX web_sessions_of_staff ON web_sessions (staff_id);
CREATE INDEX web_sessions_by_age ON web_sessions (seen_at);
CREATE TABLE sign_in_tries (
    login_hash TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    locked_until BIGINT NOT NULL,
    tried_at BIGINT NOT NULL
);
CREATE INDEX sign_in_tries_by_age ON sign_in_tries (tried_at);
",
    down: "DROP TABLE sign_in_tries; DROP TABLE web_sessions; DROP INDEX staff_by_login; ALTER TABLE staff DROP COLUMN password_hash; ALTER TABLE staff DROP COLUMN login;"
}
