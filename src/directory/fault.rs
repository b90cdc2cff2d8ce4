//! What can go wrong between the service and a controller. For the log only: it names no person and holds no secret.

use ldap3::LdapError;

/// An error of the directory that only the operator can mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No controller is configured, or none was tried.
    #[error("no domain controller could be asked")]
    NoController,
    /// TCP or TLS to the controller failed; nothing was sent.
    #[error("the controller can't be reached: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("the controller did not answer in time")]
    TimedOut,
    /// Another controller, asked later, was faster.
    #[error("the controller is slower than another one that was asked after it")]
    Slow,
    /// It answers, but a search takes too long: an attribute without an index.
    #[error("a search took too long on a controller that is well; has its attribute an index (searchFlags)?")]
    SearchTooSlow,
    /// A password was written on another controller, which is away.
    #[error("the account's new password has not been replicated to this controller yet: a right one would count as a wrong one")]
    NotReplicated,
    /// A read-only controller, where no password can be written.
    #[error("the controller is a read-only one, which can't be used here")]
    ReadOnlyController,
    /// The connection ended or held something that is not LDAP.
    #[error("the connection was lost: {0}")]
    ConnectionLost(String),
    /// Too much is asked of the controller by ourselves at this moment.
    #[error("more is to be done at once than directory.pool_size lets through")]
    Busy,
    /// The service account may not log in.
    #[error("the service account was refused: {0}")]
    ServiceBind(String),
    /// The controller answered with an error.
    #[error("the controller answered {rc}: {text}")]
    Answer {
        /// LDAP result code (RFC 4511 4.1.9).
        rc: u32,
        /// AD's diagnostic message, without values (`answer::readable`).
        text: String,
    },
    /// A write was sent to a read-only controller, which did nothing.
    #[error("the controller is read-only and refers to another one: take it out of directory.controllers ({0})")]
    ReadOnly(String),
    /// An attribute that has to be there is not: the service account may not read it.
    #[error("attribute {0} can't be read; has the service account the right to read it?")]
    Unreadable(&'static str),
    /// The account's password settings object can't be read.
    #[error("the password settings object {0} can't be read; give the service account read access to it")]
    PolicyUnreadable(String),
    /// A group of the configuration is not in the directory.
    #[error("the group {0:?} of the configuration can't be found, or is no security group")]
    GroupMissing(String),
    /// One person's number or name stands in more accounts than one person has.
    #[error("attribute {0} has one value in more than 20 accounts: it can't say whose they are")]
    TooMany(String),
}

impl Fault {
    /// Does it tell something of one account only? A login must not answer it in a way that shows that the account exists.
    pub fn is_about_one_account(&self) -> bool {
        match self {
            Self::Unreadable(_) | Self::PolicyUnreadable(_) | Self::TooMany(_) => true,
            Self::NoController
            | Self::Unreachable(_)
            | Self::TimedOut
            | Self::Slow
            | Self::SearchTooSlow
            | Self::NotReplicated
            | Self::ReadOnlyController
            | Self::ConnectionLost(_)
            | Self::Busy
            | Self::ServiceBind(_)
            | Self::Answer { .. }
            | Self::ReadOnly(_)
            | Self::GroupMissing(_) => false,
        }
    }

    /// Is it the controller that failed, so that another one may do better?
    pub(crate) fn is_the_controllers(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::TimedOut
            | Self::Slow
            | Self::ReadOnlyController
            | Self::ConnectionLost(_)
            | Self::ServiceBind(_)
            | Self::NoController => true,
            // 51 busy, 52 unavailable (RFC 4511 appendix A.1)
            Self::Answer { rc, .. } => matches!(rc, 51 | 52),
            Self::Busy
            | Self::SearchTooSlow
            | Self::NotReplicated
            | Self::ReadOnly(_)
            | Self::Unreadable(_)
            | Self::PolicyUnreadable(_)
            | Self::GroupMissing(_)
            | Self::TooMany(_) => false,
        }
    }
}

impl From<LdapError> for Fault {
    /// Keeps the kind, never the content: a library error may carry the request.
    fn from(error: LdapError) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum, which grows")]
        match error {
            LdapError::LdapResult { result } => super::answer::answered(result.rc, &result.text),
            LdapError::Timeout { .. } => Self::TimedOut,
            LdapError::Io { source } => Self::ConnectionLost(source.to_string()),
            LdapError::OpSend { .. } | LdapError::ResultRecv { .. } | LdapError::EndOfStream => Self::ConnectionLost("closed".into()),
            LdapError::Rustls { source } => Self::Unreachable(source.to_string()),
            _ => Self::ConnectionLost("not LDAP".into()),
        }
    }
}
