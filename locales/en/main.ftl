service-name = Password
skip-to-content = Skip to content
other-language = Dansk
log-out = Log out
log-in = Log in
cancel = Cancel
contact = Do you need help?
contact-link = Contact
privacy = How we treat your data
accessibility = Accessibility statement
error-prefix = Error:
error-summary = What needs to be put right
error-stopped = This could not be done
steps = Steps
step-log-in = Log in
step-choose = Choose a new password
step-done = Done
show = Show
hide = Hide
to-front = Go to the front page
reference = Reference

set-password = Set password
front-title = Change your password
front-lead = Here you can change the password of your account at work or at school, also from home.
front-methods = How do you want to log in?
front-no-methods = No way to log in is switched on. Contact the service desk.
front-forgotten = If you can't remember your password, contact the service desk.
front-logged-out = You have logged out.
method-ad-password = User name and password

login-title = Log in
login-ended = You have been logged out because too much time has passed, because you logged out elsewhere, or because the password was changed. What you sent last was not carried out. Log in again.
login-refused = We could not log you in. See that the user name and the password are typed correctly, upper and lower case too. If you have tried several times, wait half an hour before you try again: otherwise your account may be locked. If in doubt, contact the service desk.
login-throttled = There have been too many attempts. You can try again { $time }. If you have forgotten the password, contact the service desk.
account-name = User name
account-name-hint = What you use on your work computer, for example anna or anna@kommune.dk
field-password = Password
field-current = Current password
field-new = New password
field-repeat = New password again
form-empty = Type: { $field }.
form-too-long = { $field } is too long. A password can have at most 256 characters.
form-nul = { $field } holds a character that can't be used.
form-repeat = The two new passwords differ. Type the new password again.

account-title = Your account
last-changed = Last changed
expires = Expires
never-expires = Does not expire
must-change = Has to be changed now
expires-on = { $time } ({ $days ->
    [0] today
    [one] tomorrow
   *[other] in { $days } days
  })
expired-on = Expired { $time }
choose-new = Choose a new password
history = What has happened
history-lead = If there is anything here that you do not recognise, contact the service desk at once.
history-empty = Nothing has happened yet.
banner-must-change = You have to choose a new password before you can log on to your computer.
banner-expired = Your password has expired. Choose a new one, and you can log on again.
banner-locked-reset = Your account is locked because a wrong password was typed too many times. It will be unlocked when you choose a new password.
banner-locked = Your account is locked because a wrong password was typed too many times. Wait until it is unlocked, or contact the service desk.
event-sign-in = There was a login
event-sign-in-refused = An attempt to log in was refused
event-sign-out = There was a logout
event-sign-out-by = { $who } logged you out everywhere
event-changed = The password was changed
event-reset = New password set ({ $provider })
event-reset-refused = A new password was refused ({ $provider })
event-reset-failed = A new password was not set ({ $provider })
event-reset-unknown = The setting of a new password was interrupted, and we do not know yet whether it was set ({ $provider })
event-change-refused = A change of password was refused
event-change-failed = A change of password was not carried out
event-change-unknown = A change of password was interrupted, and we do not know yet whether it succeeded

rules = What the new password has to fulfil
rule-met = fulfilled
rule-unmet = not met yet
rules-told = { $met } of { $all } rules are met
rule-min-length = At least { $count } characters
rule-max-length = At most { $count } characters
rule-complexity = At least three of these kinds: upper-case letters, lower-case letters, digits, special characters (such as ! # -)
rule-letters = At least one letter
rule-upper-and-lower = Both upper-case and lower-case letters
rule-digits = At least one digit
rule-special = At least one special character, such as ! # -
rule-no-names = Not the name or user name, nor another spelling of it
rule-no-forbidden-words = None of the words that the municipality has forbidden because they are easy to guess
rule-allowed = Only these characters: { $characters }
rule-history = Not one of the { $count } passwords that were used last
rule-min-age = The current password has to have been used for { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
  }

broken-too-short = The new password is too short. It has to have at least { $count } characters.
broken-too-long = The new password is too long. It may have at most { $count } characters.
broken-not-complex = The new password has to have at least three of these kinds: upper-case letters, lower-case letters, digits, special characters.
broken-no-letter = The new password has to have at least one letter.
broken-not-upper-and-lower = The new password has to have both upper-case and lower-case letters.
broken-no-digit = The new password has to have at least one digit.
broken-no-special = The new password has to have at least one special character, such as ! # -
broken-holds-name = The new password holds the name or user name. Choose one without.
broken-holds-forbidden-word = The new password holds a word that is easy to guess and therefore forbidden: { $word }. Choose one without.
broken-character = The new password holds a character that can't be used here: { $character }
broken-not-typeable = The new password holds an invisible character that can't be typed at a computer's log-on screen. Perhaps it came along when you copied it.
broken-same = The new password is the same as the current one. Choose another.
broken-used-before = The new password has been used before. You can't use any of the latest { $count }. Choose another.
broken-too-young = Your password was changed recently. You can change it again { $time }. If it is urgent, contact the service desk.

refusal-wrong-current = The current password is wrong. Type the one that you logged in with.
refusal-locked = Your account is locked because a wrong password was typed too many times. Nothing has been changed. Wait half an hour, or contact the service desk.
refusal-near-lockout = A wrong password has been typed so many times that your account is close to being locked. So we have not tried. Wait half an hour and try again, or contact the service desk.
refusal-throttled = There have been too many attempts. You can try again { $time }.
refusal-busy = We were interrupted the last time a password was tried on this account. It is our fault, and it does not count as a wrong attempt. You can try again { $time }.
refusal-cannot-change = Your account is set up so that you can't change the password yourself. Contact the service desk.
refusal-no-right = The account is specially protected, so its password can't be changed here. Contact the service desk.
refusal-not-usable = The account can't be used right now. Nothing has been changed. Contact the service desk.
refusal-no-relation = You are logged in as somebody else than the one this form belongs to. Nothing has been changed. Start again from the front page.
refusal-too-weak-level = Your login is not secure enough for choosing a new password for this account. It takes a login of at least the level { $level } (NSIS).
refusal-too-weak-provider = The way you have logged in can't be used for choosing a new password for this account.
refusal-too-weak-both = Your login can't be used for choosing a new password for this account. It takes a certain login, of at least the level { $level } (NSIS).
refusal-login-too-old = It is too long since you showed who you are. So that nobody else can choose a new password for you, you have to log in again before you can choose it.
level-low = Low
level-substantial = Substantial
level-high = High
logins-lead = This is how you can log in to choose a new password:
logins-none = There is no way to log in here that is secure enough. Contact the service desk.
logins-ad-password = If you remember your current password.
refusal-policy-unexplained = The new password was refused by the domain's rules, which do not say why. It has probably been used before, or it is on a list of passwords that are easy to guess. Try a longer one that you have not used before.

change = Change password
result-done-title = Your password has been changed
result-done = The new password is in force from now on. We have tried it.
result-still-locked = The new password is set, but your account is still locked and we could not unlock it. So we have not been able to try the password. Contact the service desk, so that they can unlock the account. Then you can use the new password.
result-unknown-settled = The connection was lost while the password was being changed, and AD does not show whether it was your change that was made. Try to log in with the new password. If it does not work, use the old one. If neither works, contact the service desk.
result-not-tried = AD has answered that the new password is set, but we could not try it afterwards. If it does not work, contact the service desk.
result-not-let-in = AD has answered that the new password is set, but AD lets nobody in with it here. So we have not been able to try it. A restriction of your account may be the reason. If you can't log on to your computer with it, contact the service desk.
result-settled = We were interrupted, but we have seen in AD that a new password was set on your account at that moment. We have not tried it. If it does not work, contact the service desk.
result-unknown-title = We do not know whether your password was changed
result-unknown = The connection was lost while the password was being changed. It may have been changed, or not. We look in AD ourselves, and within a few minutes this page has the answer. Until then no password can be tried on your account here. Wait that long, then try to log in with the new password. If it does not work, use the old one. If neither works, contact the service desk.
result-refused-title = Your password was not changed
result-refused = The form was sent before, and the change was refused. Go back to your account and try again.
result-failed = The change could not be carried out. Nothing has been changed. Try again in a while.
result-started-title = Your password is being changed
result-started = Wait a moment, then reload the page.
after-change = What to do now
back-to-account = Back to your account

unavailable-title = The account can't be shown
unavailable-text = The account is not yours, is no longer active, or does not belong here. If you are logged in as somebody else in another tab, start again from the front page.
not-found-title = The page does not exist
not-found-text = See that the address is typed correctly, or start again from the front page.
forbidden-title = The form could not be used
forbidden-text = The form is too old, or you have logged in or out in another tab. Nothing has been changed. Go to the front page and start again.
bad-request-title = What you sent could not be read
bad-request-text = Nothing has been changed. Go to the front page and start again.
busy-title = It is busy right now
busy-text = We could not get to your request. Wait a minute and try again. If you were changing your password, look at your account to see whether it succeeded.
away-directory-title = We can't reach the municipality's user directory right now
away-database-title = We can't reach our database right now
away-register-title = We can't reach one of the municipality's registers right now
away-text = It is not your fault, and nothing has changed, unless you have just sent a new password: then look at your account to see whether it was changed. Try again in a few minutes. If it goes on, contact the service desk.
fault-title = Something is wrong on our side
fault-text = It is not your fault. Try again in a while. If it goes on, contact the service desk and tell them the reference below. If you were changing your password, look at your account to see whether it succeeded.

at-time = { $date } at { $time }
wait-over = now
wait-minutes = in { $minutes ->
    [one] 1 minute
   *[other] { $minutes } minutes
  } (at { $time })
wait-today = today at { $time }
wait-tomorrow = tomorrow at { $time }
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
date-this-year = { $day } { $month }
date-other-year = { $day } { $month } { $year }

accounts-title = Your accounts
accounts-lead = You have several accounts. Choose the one to set a new password for.
accounts-none = No account here belongs to your login. Contact the service desk.

front-forgotten-providers = If you can't remember your password, log in one of the other ways, or contact the service desk.
front-logged-out-here = You have logged out here. Where you logged in, you may still be logged in: close the browser if others use this computer.
provider-continue-title = Log in
provider-continue = You are being sent on to { $name }.
provider-continue-button = Continue
provider-refused-title = You were not logged in
provider-refused = The answer from your login could not be used. That happens when it took too long, when an old page or a bookmark was used, or when the page was opened in another browser. Start over.
provider-again = Log in again
provider-cancelled = The login was cancelled or refused. You can try again or choose another way to log in.
provider-level = Your login is not strong enough for what was asked. Choose another way to log in, such as MitID.
provider-passive = You were not logged in beforehand. Try again.
provider-failed = Something went wrong where you logged in. Try again in a while, or choose another way to log in.
provider-failed-code = Error code from your login: { $code }
provider-unusable-title = This way to log in does not work at the moment
provider-unusable = Try again in a while, or choose another way to log in. If it goes on, contact the service desk.
provider-throttled = There have been too many failed tries. You can try again { $time }.
provider-no-account-title = We found no account
provider-no-account-cpr = You are logged in, but no active account here has your CPR number. If you are new in your job, your CPR number may not be on your account yet. Contact the service desk.
provider-no-account-name = You are logged in, but no active account here has the user name that your login gives. Contact the service desk.
provider-no-account-email = You are logged in, but no active account here has the e-mail address that your login gives. Contact the service desk.
provider-no-account-unilogin = You are logged in, but no active account here belongs to your Uni-Login. Ask your school.
provider-logout-title = You have logged out here
provider-logout = You are being sent on to be logged out where you logged in as well.
provider-logged-out-title = You have logged out
provider-logout-refused = The message to log out could not be used. Close the browser to be sure that you are logged out.

provider-not-for-here-title = Your login can't be used here
provider-not-for-here = You are logged in, but this service is not for those that your login says you are. Contact the service desk if you think that this is a mistake.
provider-lacks-cpr = You are logged in, but your login does not tell your CPR number, so we can't find your account. Log in another way, or contact the service desk.
provider-lacks-name = You are logged in, but your login does not tell which account is yours. Log in another way, or contact the service desk.

sessions = Where you are logged in
session-device = { $browser } on { $system }
session-device-unknown = Unknown device
session-how = { $how }, since { $time }
session-this = This device
session-ad-password = User name and password
session-code = One-time code
session-local = Local account
session-end = End this login
sessions-end = Log out everywhere
front-logged-out-everywhere = You are logged out everywhere.
