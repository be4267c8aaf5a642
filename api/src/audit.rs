//! The audit, for masters.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use domain::StoreId;
use serde::Deserialize;
use store::audit::AuditFilter;
use utoipa::IntoParams;

use crate::context::Api;
use crate::credential::Staff;
use crate::extract::{Checks, Params, parameter, read_time};
use crate::paging;
use crate::problem::{Problem, ProblemCode};
use crate::views::PageView;
use crate::views::audit::AuditView;
use crate::words::Text;

const NOT_AN_ACTION: Text =
    Text { ko: "행위의 형식이 아닙니다.", en: "This does not look like an action." };
const NOT_A_SUBJECT: Text =
    Text { ko: "id의 형식이 아닙니다.", en: "This does not look like an id." };

/// Which entries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditListParams {
    /// Only what concerns this store.
    store_id: Option<String>,
    /// Only what was done to this: the id of an order, a job, a product.
    subject: Option<String>,
    /// Only what they did: a staff id, or `system`.
    actor: Option<String>,
    /// Only this, such as `job.retry`.
    action: Option<String>,
    /// Only what was done then or later.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only what was done before then.
    #[param(format = DateTime)]
    to: Option<String>,
    /// How many, 1 to 200, 50 by default.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Read the audit
///
/// What staff did, newest first. For masters.
#[utoipa::path(
    get, path = "/v1/audit", operation_id = "listAudit", tag = "Staff",
    params(AuditListParams),
    responses((status = 200, description = "One page", body = PageView<AuditView>,
        headers(("Link" = String, description = "The next page, `rel=\"next\"`")))),
    security(("staffToken" = []))
)]
pub(crate) async fn list_audit(
    State(api): State<Api>,
    staff: Staff,
    OriginalUri(uri): OriginalUri,
    Params(params): Params<AuditListParams>,
) -> Result<Response, Problem> {
    if !staff.is_master() {
        return Err(Problem::new(ProblemCode::Forbidden));
    }
    let mut checks = Checks::default();
    let wanted = paging::wanted(&mut checks, params.limit.as_deref(), params.cursor);
    let store = params.store_id.and_then(|id| checks.id(parameter("storeId"), StoreId::parse(id)));
    // Every subject is the id of something, and all ids fit into the widest of them.
    let subject = params.subject.and_then(|id| {
        let known = StoreId::parse(id).ok().map(StoreId::into_string);
        checks.known(parameter("subject"), known, NOT_A_SUBJECT)
    });
    let actor = params.actor.and_then(|id| {
        let known = StoreId::parse(id).ok().map(StoreId::into_string);
        checks.known(parameter("actor"), known, NOT_A_SUBJECT)
    });
    let action = params.action.and_then(|word| {
        let known = Some(word).filter(|word| is_action(word));
        checks.known(parameter("action"), known, NOT_AN_ACTION)
    });
    let from_ms = read_time(&mut checks, parameter("from"), params.from.as_deref());
    let to_ms = read_time(&mut checks, parameter("to"), params.to.as_deref());
    checks.finish()?;
    let filter = AuditFilter { store, subject, actor, action, from_ms, to_ms, stores: None };
    let page = api.store.list_audit(&filter, wanted.after.as_deref(), wanted.limit).await?;
    Ok(paging::answer(page.map(AuditView::new), &uri))
}

/// Words with dots between.
fn is_action(text: &str) -> bool {
    const CHARS_MAX: usize = 60;
    (1..=CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'.'))
}
