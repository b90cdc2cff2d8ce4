//! Explanation of the authorization of one account on another, for `os2nykode delegation explain`.

use jiff::Timestamp;

use crate::flow::delegation::{context::rules, teacher::teaches};
use crate::{
    config::Config,
    directory::{Directory, LoginMatch},
    flow::{FlowError, set_password::assurance},
    model::{
        account::{Account, name::LoginName},
        authorization::{
            Action, Actor, AuthorizationPolicy, Denial, Grant, Target, asks_who_teaches, authorize, circles_of, classes_of, desks_of,
        },
        identity::level::AssuranceLevel,
    },
};

/// The decision with its facts.
#[derive(Debug)]
pub struct Explanation {
    pub actor: Account,
    pub target: Account,
    /// Assurance level that a login needs for the target.
    pub needed: AssuranceLevel,
    /// Circles, classes and helpdesks of the actor.
    pub lists: Vec<Grant>,
    /// The decision for each action.
    pub judged: Vec<(Action, Result<Grant, Denial>)>,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum Unexplained {
    /// No account, or more than one, has this name.
    #[error("no account, or more than one, is named {0:?}")]
    NoAccount(String),
    /// AD could not be read.
    #[error(transparent)]
    Fault(#[from] FlowError),
}

/// Decides as the service would for a person who has just logged in at this level and has this one account. Parents are
/// left out: their authorization needs the family service and a CPR number.
pub async fn explain(
    config: &Config,
    directory: &Directory,
    actor: &str,
    target: &str,
    level: AssuranceLevel,
    now: Timestamp,
) -> Result<Explanation, Unexplained> {
    let actor = find(directory, actor).await?;
    let target = find(directory, target).await?;
    let mut pinned = directory.any().await.map_err(FlowError::from)?;
    let acting = Actor { accounts: vec![actor.clone()], linked: Vec::new(), helpdesk_role: false, level, at: now };
    let rules: AuthorizationPolicy = rules(config, directory, &mut pinned, &acting).await?;
    let needed = assurance::needed(config, directory, &mut pinned, &target).await?.level;
    let mut facts = Target { account: &target, needed, child: false, teaches: Ok(false) };
    if asks_who_teaches(&rules, &acting, &facts, now) {
        facts.teaches = teaches(config, directory, &mut pinned, &target).await?;
    }
    let judged = Action::ALL.into_iter().map(|action| (action, authorize(&rules, &acting, &facts, action, now))).collect();
    let desks = desks_of(&rules, &acting, now).into_iter().map(|desk| Grant::Helpdesk(desk.id.clone()));
    let lists = circles_of(&rules, &acting, now).into_iter().chain(classes_of(&rules, &acting, now)).chain(desks).collect();
    Ok(Explanation { actor, target, needed, lists, judged })
}

/// The account with its groups.
pub(crate) async fn find(directory: &Directory, name: &str) -> Result<Account, Unexplained> {
    let nobody = || Unexplained::NoAccount(name.to_owned());
    let parsed = LoginName::parse(name).ok_or_else(nobody)?;
    let found = match directory.find(&parsed).await.map_err(FlowError::from)? {
        LoginMatch::Account(account, mut pinned) => directory.account_again(&mut pinned, account.guid).await.map_err(FlowError::from)?,
        LoginMatch::Nobody(_) => None,
    };
    found.ok_or_else(nobody)
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "actor:  {} ({})", self.actor.sam, self.actor.dn)?;
        writeln!(f, "target: {} ({})", self.target.sam, self.target.dn)?;
        writeln!(f, "a login for the target needs the level: {}", self.needed.code())?;
        writeln!(f, "the actor's lists:")?;
        if self.lists.is_empty() {
            writeln!(f, "  none")?;
        }
        self.lists.iter().try_for_each(|ground| writeln!(f, "  {}", ground.code()))?;
        self.judged.iter().try_for_each(|(action, judged)| match judged {
            Ok(ground) => writeln!(f, "{}: allowed, as {}", action.code(), ground.code()),
            Err(denial) => writeln!(f, "{}: denied, {}: {}", action.code(), denial.code(), denial.explained()),
        })
    }
}
