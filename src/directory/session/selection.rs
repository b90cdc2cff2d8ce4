//! Choice of a controller: the first one that answers. For a while after a password write, the account's reads prefer the controller that
//! wrote.
//!
//! Invariants:
//! - A dead, stalled or slow controller delays a read by a third of its timeout (0.7 s by default) while another one is healthy.
//! - A wait for one of our own slots never marks a controller as down.
//! - A heavy search never marks a controller as down that answers another question meanwhile.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::directory::{Controller, ControllerSession, Directory, DirectoryError, session::controller::ControllerSlot};
use crate::model::ad::guid::ObjectGuid;

/// Timeouts of one controller.
#[derive(Debug, Clone, Copy)]
struct ControllerTimeouts {
    /// After this, the next controller is asked in parallel.
    alone: Duration,
    /// After this, the controller has failed.
    longest: Duration,
    /// The read may take long on a healthy controller.
    heavy: bool,
}

impl Directory {
    /// Runs a read on the first controller that answers. Returns the session with the result, so that the operation continues on the same
    /// controller.
    ///
    /// After a third of [`crate::config::DirectoryConfig::timeout`] the next controller is asked in parallel. A controller that was overtaken or
    /// failed is asked last until its retry time has come.
    pub(crate) async fn read<T, F>(&self, work: impl Fn(ControllerSession) -> F) -> Result<(T, ControllerSession), DirectoryError>
    where
        F: Future<Output = (Result<T, DirectoryError>, ControllerSession)>,
    {
        self.read_of(None, work).await
    }

    /// Same for a read of one account, whose new password only the controller that wrote it may have.
    pub(crate) async fn read_of<T, F>(
        &self,
        account: Option<ObjectGuid>,
        work: impl Fn(ControllerSession) -> F,
    ) -> Result<(T, ControllerSession), DirectoryError>
    where
        F: Future<Output = (Result<T, DirectoryError>, ControllerSession)>,
    {
        let patience = ControllerTimeouts { alone: self.timeout / 3, longest: self.timeout, heavy: false };
        self.first_answer(self.in_order(account), patience, work).await
    }

    /// Same for a search whose attribute may have no index, so that it visits every account. It may take four times as long.
    pub(crate) async fn heavy_read<T, F>(&self, work: impl Fn(ControllerSession) -> F) -> Result<(T, ControllerSession), DirectoryError>
    where
        F: Future<Output = (Result<T, DirectoryError>, ControllerSession)>,
    {
        let patience = ControllerTimeouts { alone: self.timeout, longest: self.timeout * 4, heavy: true };
        self.first_answer(self.in_order(None), patience, work).await
    }

    /// Controllers that are up, then the others. The one that recently wrote the account's password comes first if it is up.
    fn in_order(&self, account: Option<ObjectGuid>) -> Vec<Arc<Controller>> {
        let (mut up, down): (Vec<_>, Vec<_>) = self.controllers.iter().cloned().partition(|c| c.is_up());
        if let Some(writer) = account.and_then(|account| self.writes.writer(account)) {
            up.sort_by_key(|controller| controller.name() != writer);
        }
        up.into_iter().chain(down).collect()
    }

    async fn first_answer<T, F>(
        &self,
        order: Vec<Arc<Controller>>,
        patience: ControllerTimeouts,
        work: impl Fn(ControllerSession) -> F,
    ) -> Result<(T, ControllerSession), DirectoryError>
    where
        F: Future<Output = (Result<T, DirectoryError>, ControllerSession)>,
    {
        let mut waiting = order.into_iter().peekable();
        let mut asked = FuturesUnordered::new();
        let mut under_way: Vec<Arc<Controller>> = Vec::new();
        let mut last = DirectoryError::NoController;
        let mut beside = false;
        loop {
            if let Some((controller, place)) = next_of(&mut waiting, beside).await? {
                under_way.push(controller.clone());
                asked.push(ask(controller, place, patience, &work));
            } else if asked.is_empty() {
                return Err(last);
            }
            let more = waiting.peek().is_some_and(|next| next.is_up());
            let ended = if more { tokio::time::timeout(patience.alone, asked.next()).await } else { Ok(asked.next().await) };
            let Ok(Some((controller, outcome))) = ended else {
                beside = true;
                continue;
            };
            let at = under_way.iter().position(|c| Arc::ptr_eq(c, &controller)).unwrap_or_default();
            match outcome {
                Ok(done) => {
                    // They were asked earlier and have not answered yet.
                    for slower in &under_way[..at] {
                        overtaken(slower, patience);
                    }
                    return Ok(done);
                }
                // Another one that was asked may still find it.
                Err(fault @ DirectoryError::SearchTooSlow) if !asked.is_empty() => {
                    under_way.remove(at);
                    last = fault;
                    beside = true;
                }
                Err(fault) if !fault.is_the_controllers() => return Err(fault),
                Err(fault) => {
                    under_way.remove(at);
                    controller.mark_down(&fault);
                    last = fault;
                    beside = !asked.is_empty();
                }
            }
        }
    }
}

/// The next controller, with a slot. `beside`: another controller is being asked, so a slot is taken only if it is free.
async fn next_of(
    waiting: &mut std::iter::Peekable<std::vec::IntoIter<Arc<Controller>>>,
    beside: bool,
) -> Result<Option<(Arc<Controller>, ControllerSlot)>, DirectoryError> {
    if beside {
        let place = waiting.peek().and_then(|next| next.free_place());
        return Ok(place.and_then(|place| Some((waiting.next()?, place))));
    }
    while let Some(controller) = waiting.next() {
        let was_up = controller.is_up();
        let place = controller.place().await?;
        // Requests ahead of this one may have marked the controller as down during the wait.
        let failed_meanwhile = was_up && !controller.is_up() && waiting.peek().is_some_and(|next| next.is_up());
        if !failed_meanwhile {
            return Ok(Some((controller, place)));
        }
    }
    Ok(None)
}

async fn ask<T, F>(
    controller: Arc<Controller>,
    place: ControllerSlot,
    patience: ControllerTimeouts,
    work: &impl Fn(ControllerSession) -> F,
) -> (Arc<Controller>, Result<(T, ControllerSession), DirectoryError>)
where
    F: Future<Output = (Result<T, DirectoryError>, ControllerSession)>,
{
    let asked = tokio::time::timeout(patience.longest, controller.attempt(place.clone(), work)).await;
    let outcome = match asked.unwrap_or(Err(DirectoryError::TimedOut)) {
        // The controller may be healthy and the search long. The search's own timeout may end it before ours.
        Err(DirectoryError::TimedOut) if patience.heavy && answers(&controller, place).await => Err(DirectoryError::SearchTooSlow),
        outcome => outcome,
    };
    (controller, outcome)
}

/// Marks a controller as down that another one has overtaken; after a heavy read only if it answers nothing else.
fn overtaken(controller: &Arc<Controller>, patience: ControllerTimeouts) {
    if !patience.heavy {
        return controller.mark_down(&DirectoryError::Slow);
    }
    let controller = controller.clone();
    tokio::spawn(async move {
        // No slot: others are being served, and their reads mark it if it is down.
        let Ok(place) = controller.place().await else { return };
        if !answers(&controller, place).await {
            controller.mark_down(&DirectoryError::Slow);
        }
    });
}

/// Whether the controller returns its rootDSE within its timeout.
async fn answers(controller: &Arc<Controller>, place: ControllerSlot) -> bool {
    let hello = async { controller.connect(place).await?.connection().root_dse().await };
    matches!(tokio::time::timeout(controller.endpoint().timeout(), hello).await, Ok(Ok(_)))
}
