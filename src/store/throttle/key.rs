//! Whose tries are counted together.

use std::net::{IpAddr, Ipv6Addr};

use uuid::Uuid;

use crate::{
    model::{guid::ObjectGuid, throttle::Limits},
    store::Keys,
};

/// A site gets one IPv6 /48 and so 65,536 /64 (RFC 6177): together they have so many times the free tries of one.
const SITE: u32 = 4;

/// Whose failures are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleKey {
    pub(super) name: String,
    /// Many people share it: those who are being let in at this moment hardly count.
    pub(super) shared: bool,
}

impl ThrottleKey {
    fn of(name: String) -> Self {
        Self { name, shared: false }
    }

    /// An account name; stored as a keyed fingerprint, since people type their password into the wrong field.
    pub fn name(keys: &Keys, name: &str) -> Self {
        Self::of(format!("name:{}", keys.fingerprint(name)))
    }

    /// A name that is typed with a one-time code from an address: a count of its own, so that neither wrong passwords nor wrong codes from elsewhere keep
    /// the caller from using the code.
    pub fn code(keys: &Keys, name: &str, address: IpAddr) -> Self {
        Self::of(format!("{}{}", code_prefix(keys, name), widest(address)))
    }

    /// The name of a local staff account from an address: a count of its own, so that wrong logins from elsewhere keep nobody out.
    pub fn staff(keys: &Keys, name: &str, address: IpAddr) -> Self {
        Self::of(format!("staff:{}:{}", keys.fingerprint(name), widest(address)))
    }

    /// Codes of the authenticator app that came with the right password of a local staff account: only who knows the password fills this.
    pub fn second_factor(account: Uuid) -> Self {
        Self::of(format!("second-factor:{account}"))
    }

    /// An account, however its name was spelled: AD takes names without regard to case, width and accents.
    pub fn account(account: ObjectGuid) -> Self {
        Self::of(format!("account:{account}"))
    }

    /// A browser that has been used by the owner of some account, whatever name is typed there.
    pub fn browser(browser: Uuid) -> Self {
        Self::of(format!("browser:{browser}"))
    }

    /// An account's tries from a browser that its owner has used: a count of its own, which no stranger can add to.
    pub fn account_in_browser(account: ObjectGuid, browser: Uuid) -> Self {
        Self::of(format!("browser:{browser}:{account}"))
    }

    /// Changes of an account by its owner: a count of its own, so that wrong logins by strangers keep nobody from changing.
    pub fn change(account: ObjectGuid) -> Self {
        Self::of(format!("change:{account}"))
    }

    /// What a person tried on others' accounts without a right to, as the log tells it: neither the colleagues at their address nor their own logins wait.
    pub fn denied(person: ObjectGuid) -> Self {
        Self::of(format!("denied:{person}"))
    }

    /// Somebody who tries accounts that are none of theirs: it makes nobody else wait.
    pub fn stranger(person: ObjectGuid) -> Self {
        Self::of(format!("stranger:{person}"))
    }

    /// Somebody for whom the family service is asked.
    pub fn family(person: ObjectGuid) -> Self {
        Self::of(format!("family:{person}"))
    }

    /// An account that others unlock: whoever unlocks it again and again lets somebody guess its password for ever.
    pub fn unlock(account: ObjectGuid) -> Self {
        Self::of(format!("unlock:{account}"))
    }

    /// A client's network that asks the log's API: a count of its own, so that a program with an old token keeps nobody from logging in.
    pub fn api(address: IpAddr, limits: Limits) -> Vec<(Self, Limits)> {
        networks(address).map(|(network, factor)| (Self::of(format!("api:{network}")), limits.times(factor))).collect()
    }

    /// Logins at a provider that ended without an answer to judge, from a client's network: no guesses, but each is an entry in the log.
    pub fn given_up(address: IpAddr, limits: Limits) -> Vec<(Self, Limits)> {
        networks(address).map(|(network, factor)| (Self::of(format!("given-up:{network}")), limits.times(factor))).collect()
    }

    /// A client's network: one IPv4 address; or one IPv6 /64, which is what one household gets, and the /48 around it, with more room.
    pub fn address(address: IpAddr, limits: Limits) -> Vec<(Self, Limits)> {
        let shared = |network| Self { name: format!("address:{network}"), shared: true };
        networks(address).map(|(network, factor)| (shared(network), limits.times(factor))).collect()
    }
}

/// What the counts of all codes that are typed with a name begin with.
pub(super) fn code_prefix(keys: &Keys, name: &str) -> String {
    format!("code:{}:", keys.fingerprint(name))
}

/// The networks that an address is counted by, narrowest first, each with how many times the free tries it has.
fn networks(address: IpAddr) -> impl Iterator<Item = (String, u32)> {
    let (narrow, wide) = match address.to_canonical() {
        IpAddr::V4(v4) => (v4.to_string(), None),
        IpAddr::V6(v6) => (network(v6, 64), Some((network(v6, 48), SITE))),
    };
    std::iter::once((narrow, 1)).chain(wide)
}

/// The widest network that an address is counted by, as its first address.
pub fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(first_of(v6, 48)),
    }
}

/// The widest of them.
fn widest(address: IpAddr) -> String {
    networks(address).last().map(|(network, _)| network).unwrap_or_default()
}

fn network(address: Ipv6Addr, bits: u32) -> String {
    format!("{}/{bits}", first_of(address, bits))
}

fn first_of(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> bits))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const LIMITS: Limits = Limits {
        free: 50,
        first_wait: SignedDuration::from_secs(10),
        longest_wait: SignedDuration::from_mins(5),
        forget_after: SignedDuration::from_hours(1),
    };

    fn counted(text: &str) -> Vec<(String, u32)> {
        let keys = ThrottleKey::address(text.parse().expect("an address"), LIMITS);
        keys.into_iter().map(|(key, limits)| (key.name, limits.free)).collect()
    }

    #[test]
    fn an_ipv6_household_and_its_site_are_counted_and_a_mapped_ipv4_address_as_itself() {
        let home = counted("2001:db8:1:2:3:4:5:6");
        assert_eq!(home, [("address:2001:db8:1:2::/64".to_owned(), 50), ("address:2001:db8:1::/48".to_owned(), 200)]);
        assert_eq!(counted("2001:db8:1:2::9"), home);
        let neighbour = counted("2001:db8:1:3::9");
        assert_ne!(neighbour[0], home[0]);
        assert_eq!(neighbour[1], home[1]);
        assert_eq!(counted("::ffff:192.0.2.1"), counted("192.0.2.1"));
        assert_eq!(counted("192.0.2.1"), [("address:192.0.2.1".to_owned(), 50)]);
    }

    #[test]
    fn a_name_with_an_address_is_counted_by_the_site() {
        let keys = Keys::new(&[1; 32]);
        let key = |text: &str| ThrottleKey::staff(&keys, "anna", text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:2:2::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
