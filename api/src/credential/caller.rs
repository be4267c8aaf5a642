//! Who sends a request, and what they may touch. Closed by default: a handler gets an order or a member of staff only through here.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use domain::role::{Action, Role, Scope};
use domain::{OrderId, StoreId};
use store::orders::OrderDetail;
use store::staff::StaffMember;
use store::{Actor, Origin, sha256_hex};

use super::token::is_ticket;
use crate::context::Api;
use crate::extract::IdInPath;
use crate::problem::{Problem, ProblemCode};
use crate::rates::Client;

/// The longest credential that is looked at. Ours are shorter.
const CREDENTIAL_BYTES_MAX: usize = 256;

/// Somebody who may read the order in the path: by access token or ticket, or a member of staff.
#[derive(Debug)]
pub(crate) struct ReaderOf {
    pub(crate) order: OrderId,
    pub(crate) reader: Reader,
}

/// Somebody who may pay the order in the path: by access token or checkout token.
#[derive(Debug)]
pub(crate) struct PayerOf {
    pub(crate) order: OrderId,
}

/// Somebody who may close the order in the path: by access token, or a member of staff.
#[derive(Debug)]
pub(crate) struct CloserOf {
    pub(crate) order: OrderId,
    pub(crate) reader: Reader,
}

/// A member of staff who changes something, within their rate.
#[derive(Debug)]
pub(crate) struct ActingStaff(pub(crate) Staff);

/// A credential that nobody has checked yet.
#[derive(Debug)]
enum Shown {
    Nothing,
    /// One of an order's tokens.
    OrderToken(String),
    StaffToken(String),
    /// Nothing that we gave out.
    Other,
}

/// Somebody who may read an order, once [`Reader::check`] has seen it.
#[derive(Debug)]
pub(crate) enum Reader {
    /// Whoever holds one of the order's tokens.
    Customer {
        /// When the ticket expires that they showed, in milliseconds; `None` for tokens that do not.
        expires_at_ms: Option<i64>,
    },
    /// A member of staff, who must act for the order's store.
    Staff(Staff),
}

/// A member of staff whose token was checked.
#[derive(Debug)]
pub(crate) struct Staff {
    member: StaffMember,
    origin: Origin,
}

impl FromRequestParts<Api> for ReaderOf {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<ReaderOf, Problem> {
        let shown = Shown::of(parts).or_ticket(parts);
        let IdInPath(order) = IdInPath::<OrderId>::from_request_parts(parts, api).await?;
        let reader = match shown {
            Shown::OrderToken(token) if api.tokens.is_access(&token, &order) => {
                Reader::Customer { expires_at_ms: None }
            }
            Shown::OrderToken(token) => {
                let expires_at_ms =
                    api.tokens.ticket_expiry_ms(&token, &order).ok_or_else(unknown_order)?;
                Reader::Customer { expires_at_ms: Some(expires_at_ms) }
            }
            Shown::StaffToken(token) => Reader::Staff(find_staff(parts, api, &token).await?),
            Shown::Nothing | Shown::Other => return Err(unauthorized()),
        };
        Ok(ReaderOf { order, reader })
    }
}

impl FromRequestParts<Api> for PayerOf {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<PayerOf, Problem> {
        let shown = Shown::of(parts);
        let IdInPath(order) = IdInPath::<OrderId>::from_request_parts(parts, api).await?;
        let Shown::OrderToken(token) = shown else { return Err(unauthorized()) };
        let is_checkout = api.tokens.checkout_order(&token).is_some_and(|of| of == order);
        if !is_checkout && !api.tokens.is_access(&token, &order) {
            return Err(unknown_order());
        }
        api.rates.check_order(&order, Client::from_request_parts(parts, api).await?)?;
        Ok(PayerOf { order })
    }
}

impl FromRequestParts<Api> for CloserOf {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<CloserOf, Problem> {
        let shown = Shown::of(parts);
        let IdInPath(order) = IdInPath::<OrderId>::from_request_parts(parts, api).await?;
        let reader = match shown {
            Shown::OrderToken(token) if api.tokens.is_access(&token, &order) => {
                api.rates.check_order(&order, Client::from_request_parts(parts, api).await?)?;
                Reader::Customer { expires_at_ms: None }
            }
            Shown::OrderToken(_) => return Err(unknown_order()),
            Shown::StaffToken(_) => {
                let ActingStaff(staff) = ActingStaff::from_request_parts(parts, api).await?;
                Reader::Staff(staff)
            }
            Shown::Nothing | Shown::Other => return Err(unauthorized()),
        };
        Ok(CloserOf { order, reader })
    }
}

impl FromRequestParts<Api> for Staff {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Staff, Problem> {
        match Shown::of(parts) {
            Shown::StaffToken(token) => find_staff(parts, api, &token).await,
            Shown::Nothing | Shown::OrderToken(_) | Shown::Other => Err(unauthorized()),
        }
    }
}

impl FromRequestParts<Api> for ActingStaff {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<ActingStaff, Problem> {
        let staff = Staff::from_request_parts(parts, api).await?;
        api.rates.check_staff(staff.id(), Client::from_request_parts(parts, api).await?)?;
        Ok(ActingStaff(staff))
    }
}

async fn find_staff(parts: &Parts, api: &Api, token: &str) -> Result<Staff, Problem> {
    // Compared by the index over hashes: what its timing tells about a hash tells nothing about a token.
    let found = api.store.find_staff_by_token_hash(&sha256_hex(token)).await?;
    let member = found.ok_or_else(unauthorized)?;
    Ok(Staff { member, origin: parts.extensions.get::<Origin>().cloned().unwrap_or_default() })
}

impl Shown {
    fn of(parts: &Parts) -> Shown {
        let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
        match (headers.next(), headers.next()) {
            (None, _) => Shown::Nothing,
            (Some(header), None) => header.to_str().map_or(Shown::Other, Shown::from_header),
            (Some(_), Some(_)) => Shown::Other,
        }
    }

    /// Takes a ticket from the query, for those who cannot send headers. A header goes before it. Nothing but a ticket is taken:
    /// addresses end up in logs, histories and referrers, where what lasts longer must not stand.
    fn or_ticket(self, parts: &Parts) -> Shown {
        let Shown::Nothing = self else { return self };
        let pairs = parts.uri.query().unwrap_or_default().split('&');
        let ticket =
            pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == "ticket");
        // Tickets consist of characters that need no escape.
        match ticket {
            None => Shown::Nothing,
            Some((_, ticket)) if is_ticket(ticket) => Shown::from_token(ticket),
            Some(_) => Shown::Other,
        }
    }

    fn from_header(header: &str) -> Shown {
        match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Shown::from_token(token.trim())
            }
            _ => Shown::Other,
        }
    }

    fn from_token(token: &str) -> Shown {
        if token.len() > CREDENTIAL_BYTES_MAX {
            return Shown::Other;
        }
        match token.split_once('_') {
            Some(("oat" | "cot" | "otk", _)) => Shown::OrderToken(token.to_owned()),
            Some(("sst", _)) => Shown::StaffToken(token.to_owned()),
            _ => Shown::Other,
        }
    }
}

impl Reader {
    /// Whether they may read this order.
    pub(crate) fn check(&self, order: &OrderDetail) -> Result<(), Problem> {
        match self {
            Reader::Customer { expires_at_ms: Some(expiry) } if order.now_ms >= *expiry => {
                Err(Problem::new(ProblemCode::TicketExpired))
            }
            Reader::Customer { .. } => Ok(()),
            Reader::Staff(staff) => staff.check_order(Action::Read, order),
        }
    }

    /// Whether it is a customer, whose view leaves out what is the shop's business.
    pub(crate) fn is_customer(&self) -> bool {
        match self {
            Reader::Customer { .. } => true,
            Reader::Staff(_) => false,
        }
    }
}

impl Staff {
    /// The stores that they act for.
    pub(crate) fn scope(&self) -> Scope {
        self.member.member().scope()
    }

    /// Whether they may do this for this store.
    pub(crate) fn may(&self, action: Action, store: &StoreId) -> bool {
        self.member.member().may(action, store)
    }

    /// Refuses an order of a store that they do not act for, as if there were none.
    pub(crate) fn check_order(&self, action: Action, order: &OrderDetail) -> Result<(), Problem> {
        if self.may(action, &order.order.store_id) { Ok(()) } else { Err(unknown_order()) }
    }

    /// Whether they run the platform: create stores, read the audit.
    pub(crate) fn is_master(&self) -> bool {
        match self.member.role {
            Role::Master => true,
            Role::Owner | Role::Manager => false,
        }
    }

    /// Who they are, for the audit.
    pub(crate) fn actor(&self) -> Actor {
        self.member.actor(self.origin.clone())
    }

    /// Their id.
    pub(crate) fn id(&self) -> &str {
        self.member.id.as_str()
    }
}

/// No credential, or none that counts here.
pub(crate) fn unauthorized() -> Problem {
    Problem::new(ProblemCode::Unauthorized)
}

/// An order that does not exist, or is not the caller's.
pub(crate) fn unknown_order() -> Problem {
    Problem::new(ProblemCode::OrderUnknown)
}
