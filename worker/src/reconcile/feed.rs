//! Toss's list of transactions around one window, page by page, each record once.

use std::collections::HashSet;

use domain::limits::{RECONCILE_MARGIN_MS, TRANSACTIONS_PAGE_ROWS, TRANSACTIONS_PAGES_MAX};
use domain::reconcile::{Range, TossTransaction};
use toss::TransactionsCall;

use super::{Progress, ReconcileError, Reconciler};

/// The pages of one window.
#[derive(Debug)]
pub(super) struct Feed<'a> {
    reconciler: &'a Reconciler,
    from_ms: i64,
    to_ms: i64,
    after: Option<String>,
    known: HashSet<String>,
    pages_left: u32,
}

impl<'a> Feed<'a> {
    pub(super) fn of(reconciler: &'a Reconciler, window: Range) -> Feed<'a> {
        Feed {
            reconciler,
            from_ms: window.from_ms.saturating_sub(RECONCILE_MARGIN_MS),
            to_ms: window.to_ms.saturating_add(RECONCILE_MARGIN_MS),
            after: None,
            known: HashSet::new(),
            pages_left: TRANSACTIONS_PAGES_MAX,
        }
    }

    /// The records of the next page that no page before had; `None` at the end. A short page is not the end: how many records a page
    /// has is Toss's choice. One that brings nothing new is, whatever it has in it.
    pub(super) async fn next_page(
        &mut self,
        progress: &mut Progress,
    ) -> Result<Option<Vec<TossTransaction>>, ReconcileError> {
        if self.pages_left == 0 {
            return Err(ReconcileError::TooManyTransactions);
        }
        self.pages_left = self.pages_left.saturating_sub(1);
        let call = TransactionsCall {
            from_ms: self.from_ms,
            to_ms: self.to_ms,
            starting_after: self.after.as_deref(),
            limit: TRANSACTIONS_PAGE_ROWS,
        };
        let client = &self.reconciler.client;
        let call = &call;
        let page = self.reconciler.patiently(|| async move {
            let result = client.transactions(call).await;
            (result.outcome, result.retry_after_ms)
        });
        let page = page.await.map_err(ReconcileError::Toss)?;
        let run = &mut progress.run;
        run.pages = run.pages.saturating_add(1);
        run.unreadable = run.unreadable.saturating_add(i64::from(page.unreadable));
        let mut records = page.transactions;
        records.retain(|record| self.known.insert(record.transaction_key.clone()));
        let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
        run.transactions = run.transactions.saturating_add(count);
        let has_moved = page.last_key.is_some() && page.last_key != self.after;
        self.after = page.last_key;
        let has_news = !records.is_empty() || (page.unreadable > 0 && has_moved);
        Ok(has_news.then_some(records))
    }
}
