//! A controller that was chosen for one piece of work: what is read, written and proven goes to it and to no other.

use std::sync::Arc;

use deadpool::managed;

use super::{
    Connection, Controller, Fault,
    controller::{Loan, Place},
};

/// A controller and a service connection to it. Dropping it gives the connection back to the pool, and its place to the next who waits.
#[derive(Debug)]
pub struct Pinned {
    pub(super) controller: Arc<Controller>,
    loan: Loan,
    place: Place,
}

impl Pinned {
    pub(super) fn new(controller: Arc<Controller>, loan: Loan, place: Place) -> Self {
        Self { controller, loan, place }
    }

    /// The controller's configured name, for the audit log.
    pub fn name(&self) -> &str {
        self.controller.name()
    }

    /// The controller.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// It failed in the middle of the work: others are asked before it for a while.
    pub(crate) fn pass_over(&self, fault: &Fault) {
        self.controller.mark_down(fault);
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.loan
    }

    pub(super) fn was_pooled(&self) -> bool {
        managed::Object::metrics(&self.loan).recycle_count > 0
    }

    /// A new connection to the same controller, in place of one that was lost.
    pub(super) async fn reconnect(&mut self) -> Result<(), Fault> {
        let fresh = self.controller.connect(self.place.clone()).await?;
        self.loan = fresh.loan;
        Ok(())
    }
}
