# Acting for others.
others-title = Others' accounts
others-lead = Choose whom you want to help.
others-none = There is nobody you can help from here. If you think that this is wrong, contact the service desk.
others-link = Help others
ground-own = Your own account
ground-parent = Your child
ground-circle = The circle { $group }
ground-master = The circle { $group } (master administrator)
ground-teacher = Your class: { $group }
state-fine = Can be used
state-disabled = Closed
state-locked = Locked
state-must-change = Has to be changed at the next logon
state-expired = The password has expired
list-search = Search for a name or user name
list-search-hint = Type the beginning of the first name, last name or user name, at least two characters
list-search-button = Search
list-results = Found
list-words = Type at least two characters and at most a hundred.
list-search-first = Search to find the one you want to help.
list-more = Here are { $count }, but there are more. Type more of the name.
list-total = { $count ->
    [0] Nobody is here.
    [one] 1 person is here.
   *[other] { $count } people are here.
  }
list-found = { $count ->
    [0] Nobody found. Try another part of the name.
    [one] 1 found.
   *[other] { $count } found.
  }
list-pages = Pages
list-previous = Previous page
list-next = Next page
list-page-of = Page { $page } of { $pages }
other-why = Why you can help
other-state = State
other-last-logon = Last logon (may be up to 14 days behind)
other-wrong-tries = Last wrong password
other-set = Set a new password
other-must-change = The password has to be changed at the next logon
other-back = Back to the account
other-done-title = The password is set
other-done = The new password is in force from now on. We have tried it out. Give it to nobody but the person it is for.
other-still-locked = The new password is set, but the account is still locked, and we could not unlock it.
other-not-tried = AD has answered that the new password is set, but we could not try it afterwards.
other-not-let-in = AD has answered that the new password is set, but AD lets nobody in with it here. So we have not been able to try it.
other-settled = We were interrupted, but we have seen in AD that a new password was set on the account at that moment. It has not been tried.
other-unknown-title = We do not know whether the password was set
other-unknown = The connection was lost on the way. Wait a few minutes, and look at the account to see when the password was last changed.
other-not-done-title = The password was not set
other-not-done = Nothing was changed. Go back to the account and try again.
unlock = Unlock
unlock-done = The account is unlocked.
unlock-not-locked = The account was not locked. Nothing was done.
unlock-unknown = The connection was lost, so we do not know whether the account is unlocked. It does no harm to try again.
denied-title = You can't do that here
barred-title = You can't use this service
denied-barred = Your account is in a group that can't use this service. Contact the service desk.
denied-unreadable = The rules for who may help whom can't be read right now, so nobody can help others. Contact those who run the service.
denied-no-relation = The account does not exist, or it is not one that you can help with.
denied-not-usable = The account is closed or has expired, so no password can be set.
denied-closed = The account is in a group that others may not set passwords for.
denied-protected = The account is specially protected in Active Directory because it can administer the domain. It can't be changed from here.
denied-master-admin = The account belongs to a master password administrator. Only its owner can set its password.
denied-password-admin = The account belongs to a password administrator. Only a master password administrator can help with it.
denied-helper = The account belongs to somebody who works at a helpdesk. Only a master password administrator can help with it.
denied-auditor = The account belongs to somebody who can read the whole log. Only a master password administrator can help with it.
denied-teacher = The account belongs to a teacher. Ask the helpdesk or a password administrator.
denied-too-weak = Your login is not secure enough for this account. It takes a login at level { $level } (NSIS) or higher. Log out, and log in another way.
denied-login-too-old = It is too long ago that you showed who you are. Log out, and log in again.
denied-password-changed-since = Your password has been changed since you logged in. Log out, and log in again with the new one.
denied-too-often = You have tried too many accounts that you can't help. You can try again { $time }.
denied-not-this-action = You can see the account but not set its password.
event-unlocked = The account was unlocked by { $who }
event-unlock-not-done = { $who } tried to unlock the account
event-seen = { $who } looked at the account
event-other-reset = { $who } set a new password
event-other-reset-not-done = { $who } tried to set a new password, but nothing was changed
event-other-reset-unknown = { $who } was setting a new password, and we do not know yet whether it was set

# One-time codes.
method-code = One-time code from the service desk
code-title = Use your one-time code
code-lead = If somebody who helps you has read a one-time code to you, type it here. After that you choose a new password yourself.
code-field = One-time code
code-hint = 10 characters. Capitals or not, with or without the dashes, is all the same
code-button = Continue
code-refused = The user name and the code do not go together, or the code was used, is too old, or was replaced by another. See whether both are typed correctly. A code takes a few tries only. Ask for a new one if it does not work.
code-throttled = Too many tries. You can try again { $time }.
refusal-code-ended = The one-time code was used, replaced by another, or is too old. Ask for a new one.
give-code = Give a one-time code
give-code-lead = Whoever is calling chooses a password with the code. You do not get to know it.
checklist = What you have to check first
checklist-default = Make sure that whoever is calling is who they say they are, in the way that you have agreed on. When in doubt, give no code.
code-checked = I have checked who is calling
code-not-checked = Check who is calling, and tick the box.
code-reason = Reason
code-reason-hint = Why, and how you have checked who it is. Do not write a CPR number. This is kept in the log.
code-no-reason = Write a reason of 5 to 500 characters.
code-ticket = Ticket number (if there is one)
code-long-ticket = A ticket number can have at most 50 characters.
code-make = Make a code
code-shown-title = Read the code aloud
code-shown-lead = Ask whoever is calling to open the address and type the user name and the code.
code-shown-where = Address
code-shown-until = Valid until
code-shown-once = The code is shown only now and can be used once. If you make another, this one no longer works.
event-code-issued = { $who } gave a one-time code for the account
event-code-not-issued = { $who } tried to give a one-time code for the account
event-code-redeemed = There was a login with a one-time code
event-code-refused = An attempt to use a one-time code was refused

# Proposals and slips.
propose = Propose a password
propose-another = Propose another
proposal = Proposed new password
proposal-hint = It fits the rules. You can change it.
slips-title = New passwords
slips-lead = The passwords are in force now. They are shown this once and kept nowhere. Print the page and cut out the slips.
slips-missing = These did not get a new password
slips-choose = Choose
slips-make = Set new passwords for those chosen, and show slips
slips-all = Choose all on this page
slips-hint = Those chosen get a new password at once, and the old one no longer works.
slip-no-proposal = No words fit the rules for this account. Set the password on the account's own page.
slip-already = This list was sent before. The password was set then and is not shown again.
slip-unknown = We do not know whether the password was set. Try again for this account.
slips-no-time = { $count ->
    [one] There was no time for 1 of them. That account was not changed: choose it again.
   *[other] There was no time for { $count } of them. Those accounts were not changed: choose them again.
}

# Parents.
children-title = Your children
children-no-account = There is no account here that can be used.
children-too-weak = If you have children whose password you want to change, log in a more secure way, such as MitID.
children-unavailable = We can't look up your children right now. Try again soon.
children-too-often = You have looked up your children many times in a short while. You can try again { $time }.
children-show = Show my children
others-lists = Others you can help

sessions-end-theirs = Log the person out everywhere
sessions-ended = The person is logged out everywhere.
code-shown-before-title = The code has been shown already
code-shown-before = The code is shown only once and may have been read aloud already. If you make a new one, the old one no longer works.
code-make-new = Make a new code
spelling-alphabet = Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu
spelling-as = as in
slips-confirm = Set a new password for { $count ->
    [one] 1 person
   *[other] { $count } people
  }?
slips-confirm-do = Yes, set new passwords
slips-none = You have chosen no one. Tick those who need a new password.
slips-print = Print
slip-where = Change it here
