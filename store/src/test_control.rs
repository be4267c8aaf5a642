//! What only tests may do: move the clock, make commits fail. Compiled with the feature `test-control`, which the product never has.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32};

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};

use crate::connection::Store;
use crate::error::StoreError;

/// What tests have turned.
#[derive(Debug, Default)]
pub(crate) struct Control {
    shift_ms: AtomicI64,
    /// Where the clock stands, in milliseconds; 0 while it runs.
    stopped_at_ms: AtomicI64,
    failing_commits: AtomicU32,
    commits: AtomicU32,
}

impl Store {
    /// Moves this store's clock, for tests.
    pub fn advance_clock(&self, by_ms: i64) {
        self.control.shift_ms.fetch_add(by_ms, std::sync::atomic::Ordering::SeqCst);
    }

    /// Stops this store's clock at an instant, for tests that are to repeat to the millisecond; [`Store::advance_clock`] moves it on.
    pub fn stop_clock(&self, at_ms: i64) {
        use std::sync::atomic::Ordering::SeqCst;
        self.control.shift_ms.store(0, SeqCst);
        self.control.stopped_at_ms.store(at_ms, SeqCst);
    }

    /// Makes the next commits fail as a serialization conflict would, for tests.
    pub fn fail_commits(&self, count: u32) {
        self.control.failing_commits.store(count, std::sync::atomic::Ordering::SeqCst);
    }

    /// The same store, and a counter of its statements; beginnings and ends of transactions are none.
    #[must_use]
    pub fn counting_statements(mut self) -> (Store, Arc<AtomicU32>) {
        let statements = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&statements);
        self.db.set_metric_callback(move |_| {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        (self, statements)
    }

    /// How often writes were committed by this store and its clones.
    #[must_use]
    pub fn commits(&self) -> u32 {
        self.control.commits.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Makes the database refuse every attempt with this value in this column, for tests. Values are plain words.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn refuse_attempts(&self, column: &str, value: &str) -> Result<(), StoreError> {
        let statements = if self.db.get_database_backend() == DbBackend::Postgres {
            vec![format!(
                "ALTER TABLE attempts ADD CONSTRAINT refuse_{column} \
                 CHECK ({column} IS DISTINCT FROM '{value}') NOT VALID"
            )]
        } else {
            let trigger = |event: &str| {
                format!(
                    "CREATE TRIGGER refuse_{event}_{column} BEFORE {event} ON attempts \
                     WHEN NEW.{column} IS '{value}' BEGIN SELECT RAISE(ABORT, 'refused'); END"
                )
            };
            vec![trigger("INSERT"), trigger("UPDATE")]
        };
        for statement in statements {
            self.db.execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    /// Takes that back.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn accept_attempts(&self, column: &str) -> Result<(), StoreError> {
        let statements = if self.db.get_database_backend() == DbBackend::Postgres {
            vec![format!("ALTER TABLE attempts DROP CONSTRAINT refuse_{column}")]
        } else {
            ["INSERT", "UPDATE"].map(|event| format!("DROP TRIGGER refuse_{event}_{column}")).into()
        };
        for statement in statements {
            self.db.execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    /// Makes the database refuse to have this job go on, for tests.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn refuse_retry_of(&self, job_id: &str) -> Result<(), StoreError> {
        let statement = if self.db.get_database_backend() == DbBackend::Postgres {
            format!(
                "ALTER TABLE jobs ADD CONSTRAINT refuse_retry \
                 CHECK (id <> '{job_id}' OR state <> 'queued') NOT VALID"
            )
        } else {
            format!(
                "CREATE TRIGGER refuse_retry BEFORE UPDATE ON jobs \
                 WHEN NEW.id = '{job_id}' AND NEW.state = 'queued' BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
        };
        self.db.execute_unprepared(&statement).await?;
        Ok(())
    }

    /// Makes SQLite refuse poison messages with this body, for tests.
    ///
    /// # Panics
    /// When the database does not answer.
    #[expect(clippy::expect_used, reason = "what fails here fails a test")]
    pub async fn refuse_poison(&self, body: &str) {
        let trigger = format!(
            "CREATE TRIGGER refuse_poison BEFORE INSERT ON poison_messages WHEN NEW.body = '{body}' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        );
        self.db.execute_unprepared(&trigger).await.expect("a trigger");
    }

    /// What time it is for this store when the database says `now_ms`.
    pub(crate) fn clock_of(&self, now_ms: i64) -> i64 {
        use std::sync::atomic::Ordering::SeqCst;
        let stopped_at_ms = self.control.stopped_at_ms.load(SeqCst);
        let base_ms = if stopped_at_ms == 0 { now_ms } else { stopped_at_ms };
        base_ms.saturating_add(self.control.shift_ms.load(SeqCst))
    }

    pub(crate) fn note_commit(&self) -> Result<(), StoreError> {
        use std::sync::atomic::Ordering::SeqCst;
        self.control.commits.fetch_add(1, SeqCst);
        let taken =
            self.control.failing_commits.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        match taken {
            Ok(_) => {
                Err(StoreError::Database(DbErr::Custom(crate::error::INJECTED_CONFLICT.to_owned())))
            }
            Err(_) => Ok(()),
        }
    }
}
