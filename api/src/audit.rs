//! The audit, for masters.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use domain::StoreId;
use serde::Deserialize;
use store::audit::AuditFilter;
use utoipa::IntoParams;

use crate::context::Api;
use crate::credential::Staff;
use crate::extract::{Checks, Params, parameter};
use crate::paging;
use crate::problem::{Problem, ProblemCode};
use crate::views::PageView;
use crate::views::audit::AuditView;
use crate::words::Text;

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
    checks.finish()?;
    let filter = AuditFilter { store, subject };
    let page = api.store.list_audit(&filter, wanted.after.as_deref(), wanted.limit).await?;
    Ok(paging::answer(page.map(AuditView::new), &uri))
}
