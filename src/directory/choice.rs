//! Which controller is asked: the first one that answers, and for a while after a new password the one that wrote it.
//!
//! Invariants: a controller that is dead, stalled or slow costs a person part of a second where another one is well; a wait for our own places is never its fault.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};

use super::{Controller, Directory, Fault, Pinned, controller::Place};
use crate::model::guid::ObjectGuid;

/// How long a controller may think.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// After this the next controller is asked beside it.
    alone: Duration,
    /// After this it has failed.
    longest: Duration,
    /// The read may take long on a controller that is well.
    heavy: bool,
}

impl Directory {
    /// Runs a read on the first controller that answers, and gives the controller back with the result, so that what follows goes to the same one.
    ///
    /// After a third of [`crate::config::Directory::timeout`] the next one is asked as well. The one that is overtaken, or has failed, is asked last until its
    /// retry time has come.
    pub(crate) async fn read<T, F>(&self, work: impl Fn(Pinned) -> F) -> Result<(T, Pinned), Fault>
    where
        F: Future<Output = (Result<T, Fault>, Pinned)>,
    {
        self.read_of(None, work).await
    }

    /// The same of one account, whose new password may be known to one controller only.
    pub(super) async fn read_of<T, F>(&self, account: Option<ObjectGuid>, work: impl Fn(Pinned) -> F) -> Result<(T, Pinned), Fault>
    where
        F: Future<Output = (Result<T, Fault>, Pinned)>,
    {
        let patience = Patience { alone: self.timeout / 3, longest: self.timeout, heavy: false };
        self.first_answer(self.in_order(account), patience, work).await
    }

    /// The same for a search that visits every account where its attribute has no index: four times as long.
    pub(super) async fn heavy_read<T, F>(&self, work: impl Fn(Pinned) -> F) -> Result<(T, Pinned), Fault>
    where
        F: Future<Output = (Result<T, Fault>, Pinned)>,
    {
        let patience = Patience { alone: self.timeout, longest: self.timeout * 4, heavy: true };
        self.first_answer(self.in_order(None), patience, work).await
    }

    /// Those that are up first; before them the one that wrote the account's password lately.
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
        patience: Patience,
        work: impl Fn(Pinned) -> F,
    ) -> Result<(T, Pinned), Fault>
    where
        F: Future<Output = (Result<T, Fault>, Pinned)>,
    {
        let mut waiting = order.into_iter().peekable();
        let mut asked = FuturesUnordered::new();
        let mut under_way: Vec<Arc<Controller>> = Vec::new();
        let mut last = Fault::NoController;
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
                    // Those that were asked before it, and have not answered yet.
                    for slower in &under_way[..at] {
                        slower.mark_down(&Fault::Slow);
                    }
                    return Ok(done);
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

/// The next controller, with a place there. `beside`: another one is being asked, so that no place is waited for.
async fn next_of(
    waiting: &mut std::iter::Peekable<std::vec::IntoIter<Arc<Controller>>>,
    beside: bool,
) -> Result<Option<(Arc<Controller>, Place)>, Fault> {
    if beside {
        let place = waiting.peek().and_then(|next| next.free_place());
        return Ok(place.and_then(|place| Some((waiting.next()?, place))));
    }
    while let Some(controller) = waiting.next() {
        let was_up = controller.is_up();
        let place = controller.place().await?;
        // It may have failed those who had their places before.
        let failed_meanwhile = was_up && !controller.is_up() && waiting.peek().is_some_and(|next| next.is_up());
        if !failed_meanwhile {
            return Ok(Some((controller, place)));
        }
    }
    Ok(None)
}

async fn ask<T, F>(
    controller: Arc<Controller>,
    place: Place,
    patience: Patience,
    work: &impl Fn(Pinned) -> F,
) -> (Arc<Controller>, Result<(T, Pinned), Fault>)
where
    F: Future<Output = (Result<T, Fault>, Pinned)>,
{
    let asked = tokio::time::timeout(patience.longest, controller.attempt(place.clone(), work)).await;
    let outcome = match asked {
        Ok(outcome) => outcome,
        // It may be well, and the search long.
        Err(_) if patience.heavy && answers(&controller, place).await => Err(Fault::SearchTooSlow),
        Err(_) => Err(Fault::TimedOut),
    };
    (controller, outcome)
}

/// Does it say at once who it is?
async fn answers(controller: &Arc<Controller>, place: Place) -> bool {
    let hello = async { controller.connect(place).await?.connection().root_dse().await };
    matches!(tokio::time::timeout(controller.endpoint().timeout(), hello).await, Ok(Ok(_)))
}
