//! Controller session: all reads, writes and proofs of one operation on one controller.

use std::sync::Arc;

use deadpool::managed;

use crate::directory::{
    Connection, Controller, DirectoryError,
    session::controller::{ControllerSlot, Loan},
};

/// A controller, a service connection to it, and a slot on it. Dropping it returns the connection to the pool and frees the slot.
#[derive(Debug)]
pub struct ControllerSession {
    pub(crate) controller: Arc<Controller>,
    loan: Loan,
    place: ControllerSlot,
}

impl ControllerSession {
    pub(crate) fn new(controller: Arc<Controller>, loan: Loan, place: ControllerSlot) -> Self {
        Self { controller, loan, place }
    }

    /// The controller's configured name, for the audit log.
    pub fn name(&self) -> &str {
        self.controller.name()
    }

    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Marks the controller as down after a failure within the operation.
    pub(crate) fn pass_over(&self, fault: &DirectoryError) {
        self.controller.mark_down(fault);
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.loan
    }

    pub(crate) fn was_pooled(&self) -> bool {
        managed::Object::metrics(&self.loan).recycle_count > 0
    }

    /// Replaces a lost connection by a new one to the same controller.
    pub(crate) async fn reconnect(&mut self) -> Result<(), DirectoryError> {
        let fresh = self.controller.connect(self.place.clone()).await?;
        self.loan = fresh.loan;
        Ok(())
    }
}
