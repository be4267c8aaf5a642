//! Payments that a shop's server makes without a window.

use super::World;
use crate::codes;
use crate::merchant::Merchant;
use crate::method::Method;
use crate::payment::direct::{AccountRequest, KeyInRequest};
use crate::refusal::Refusal;

impl World {
    /// Pays by a card's number; the payment's key. The same order may be paid twice: no window stands in between.
    ///
    /// # Errors
    /// A value that is not allowed, or the institution's refusal, for instance `declined`; the payment is ABORTED then.
    pub(crate) fn pay_by_key_in(
        &mut self,
        merchant: &Merchant,
        request: KeyInRequest,
        declined: Option<Refusal>,
    ) -> Result<String, Refusal> {
        let payment_key = self.open(merchant.clone(), request.0, None)?;
        let now = self.now();
        if let Some(payment) = self.payments.find_mut(&payment_key) {
            payment.authenticate(Method::Card, now);
        }
        self.confirm(&payment_key, declined)?;
        Ok(payment_key)
    }

    /// Issues a virtual account; the key of its payment, which waits for the deposit.
    ///
    /// # Errors
    /// 400 for a value that is not allowed, and for an order that has an approved payment.
    pub(crate) fn issue_account(
        &mut self,
        merchant: &Merchant,
        request: AccountRequest,
    ) -> Result<String, Refusal> {
        if self.approved_of_order(merchant, &request.new.order_id).is_some() {
            return Err(Refusal::new(codes::DUPLICATED_ORDER_ID));
        }
        let payment_key = self.open(merchant.clone(), request.new, None)?;
        let now = self.now();
        if let Some(payment) = self.payments.find_mut(&payment_key) {
            payment.authenticate(Method::VirtualAccount, now);
            if let Some(refusal) = payment.institution_refusal() {
                payment.abort(&refusal);
                return Err(refusal);
            }
            payment.issue_account(request.bank_code, now);
        }
        self.tell(&payment_key);
        Ok(payment_key)
    }
}
