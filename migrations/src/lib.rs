//! The schema, as reversible migrations, oldest first. No queries of the running product: those are in `store`.
//!
//! The statements are plain SQL that SQLite and PostgreSQL read alike: `TEXT`, `BIGINT`, `INTEGER`, `BOOLEAN`, checks and partial
//! indexes. Each migration runs in a transaction on both. Indexes of the hot path are partial, so that ended rows cost nothing.

use sea_orm_migration::prelude::*;

mod m20261101_000001_catalogue;
mod m20261101_000002_orders;
mod m20261101_000003_payments;
mod m20261101_000004_jobs;
mod m20261101_000005_staff;
mod m20261127_000006_operations;
mod m20261127_000007_webhooks;
mod m20261127_000008_findings;
mod m20261127_000009_merchant_keys;
mod m20261127_000010_sign_in;
mod m20261127_000011_console_reads;
mod m20261127_000012_operators;
mod m20261127_000013_tax_free_told;
mod m20261127_000014_unrecorded_calls;
mod m20261128_000015_unrecorded_orders;

/// Runs the migrations; see [`MigratorTrait`].
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261101_000001_catalogue::Migration),
            Box::new(m20261101_000002_orders::Migration),
            Box::new(m20261101_000003_payments::Migration),
            Box::new(m20261101_000004_jobs::Migration),
            Box::new(m20261101_000005_staff::Migration),
            Box::new(m20261127_000006_operations::Migration),
            Box::new(m20261127_000007_webhooks::Migration),
            Box::new(m20261127_000008_findings::Migration),
            Box::new(m20261127_000009_merchant_keys::Migration),
            Box::new(m20261127_000010_sign_in::Migration),
            Box::new(m20261127_000011_console_reads::Migration),
            Box::new(m20261127_000012_operators::Migration),
            Box::new(m20261127_000013_tax_free_told::Migration),
            Box::new(m20261127_000014_unrecorded_calls::Migration),
            Box::new(m20261128_000015_unrecorded_orders::Migration),
        ]
    }
}

/// A migration made of statements: what to do, and how to undo it.
macro_rules! migration {
    (up: $up:literal, down: $down:literal) => {
        use sea_orm_migration::prelude::*;

        /// See the file's first lines.
        #[derive(Debug, DeriveMigrationName)]
        pub(crate) struct Migration;

        #[async_trait::async_trait]
        impl MigrationTrait for Migration {
            async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
                manager.get_connection().execute_unprepared($up).await.map(|_| ())
            }

            async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
                manager.get_connection().execute_unprepared($down).await.map(|_| ())
            }

            fn use_transaction(&self) -> Option<bool> {
                Some(true)
            }
        }
    };
}
use migration;
