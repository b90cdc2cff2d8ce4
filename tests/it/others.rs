//! Delegation: resets of other people's passwords, on a real controller.

mod age;
mod attacks;
mod barred;
mod classes;
pub mod codes;
mod lists;
pub mod logins;
mod outlived;
mod parents;
mod roles;
mod slow;
mod tries;
mod unreadable;
mod ways_in;
mod windows;

use os2nykode::{
    flow::set_password::{self, SetOutcome, SetRequest, Whose},
    model::{
        ad::guid::ObjectGuid,
        audit::attempt::AttemptId,
        identity::{Identity, level::AssuranceLevel},
    },
};

use crate::{
    environment::unique,
    people::{Admin, PASSWORD, Person, bind},
    provider_reset::{guid, history, is_locked, locked_person, os2faktor, password, setup, visit, visitor},
    service::{Service, Setup},
    visitor::{Page, Visitor},
};

const NEW: &str = "Blå-Sejlbåd-4711";
const OTHER: &str = "Røde-Tagsten-5522";

/// A town of a test's own: circles in an organizational unit, a group for each role, and a service with these in its configuration.
pub struct Town {
    pub service: Service,
    pub circles: String,
    pub circle: String,
    pub admins: String,
    pub masters: String,
    pub barred: String,
    pub closed: String,
    pub protected: String,
    pub desk: String,
    pub name: String,
    /// The configuration of `[delegation]`.
    pub text: String,
}

impl Town {
    pub async fn new(more: &str) -> Self {
        Self::with(more, Setup::default()).await
    }

    /// A town whose service has a different setup.
    pub async fn with(more: &str, service: Setup) -> Self {
        let name = unique("by");
        let mut admin = Admin::new().await;
        let circles = admin.unit(&format!("Kredse {name}")).await;
        let circle = admin.group_in(&format!("Kreds {name}"), &circles).await;
        let (admins, masters) = (admin.group(&format!("Adm {name}")).await, admin.group(&format!("Master {name}")).await);
        let (barred, closed) = (admin.group(&format!("Spærret {name}")).await, admin.group(&format!("Lukket {name}")).await);
        let (protected, desk) = (admin.group(&format!("Beskyttet {name}")).await, admin.group(&format!("Desk {name}")).await);
        let text = format!(
            "[delegation]\nblocked_groups = [\"{barred}\"]\nexcluded_groups = [\"{closed}\"]\nprotected_groups = [\"{protected}\"]\n\
             [delegation.circles]\nou = \"{circles}\"\nadmins = \"Adm {name}\"\nmaster_admins = \"Master {name}\"\n\
             [[delegation.teachers]]\nteachers = \"Lærere {name} *\"\npupils = \"Elever {name} *\"\n\
             [[delegation.helpdesk]]\nid = \"desk\"\nname = {{ da = \"Servicedesken\", en = \"The service desk\" }}\ngroup = \"Desk {name}\"\neverybody = true\nset_password = true\n{more}"
        );
        let service = Setup { more: setup(&text).more, ..service }.start().await;
        Self { service, circles, circle, admins, masters, barred, closed, protected, desk, name, text }
    }

    /// A new person in these groups.
    pub async fn person(&self, groups: &[&str]) -> Person {
        let mut admin = Admin::new().await;
        let person = admin.person().await;
        for group in groups {
            admin.add_to_group(group, &person.dn).await;
        }
        person
    }

    /// A circle admin, and a member of the circle.
    async fn pair(&self) -> (Person, Person) {
        (self.person(&[&self.admins, &self.circle]).await, self.person(&[&self.circle]).await)
    }

    pub fn login(&self, person: &Person) -> Identity {
        os2faktor(&self.service, person, AssuranceLevel::Substantial)
    }

    async fn browser(&self, person: &Person) -> Visitor {
        visitor(&self.service, &self.login(person)).await
    }

    /// Resets another person's password without the pages.
    async fn set(&self, identity: &Identity, target: ObjectGuid, new: &str) -> SetOutcome {
        let attempt = AttemptId::from_random(self.service.app.keys.random().expect("random"));
        let request = SetRequest { target, attempt, current: None, new: password(new), whose: Whose::Anothers { must_change: true } };
        set_password::set(&self.service.app, &visit(identity), identity, request).await.expect("an answer")
    }
}

/// Fills in and sends the form for another person's password.
pub async fn set_for(visitor: &Visitor, target: ObjectGuid, new: &str, must_change: bool) -> Page {
    let path = format!("/delegation/accounts/{target}/password");
    let form = visitor.get(&path).await;
    let (token, attempt) = (form.token(), form.attempt());
    let mut fields = vec![("csrf", token.as_str()), ("attempt", &attempt), ("new", new), ("repeat", new)];
    if must_change {
        fields.push(("must_change", "1"));
    }
    let page = visitor.post(&path, &fields).await;
    page.does_not_hold(new);
    page
}

/// Searches in a list by its form.
pub async fn search(visitor: &Visitor, path: &str, words: &str) -> Page {
    let token = visitor.get(path).await.token();
    visitor.post(path, &[("csrf", &token), ("q", words)]).await
}
