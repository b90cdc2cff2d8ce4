# Local staff accounts.
staff-link = Local staff account
staff-title = Log in with a local staff account
staff-lead = Only for staff who have been given a local account here. Everybody else logs in from the front page.
staff-name = Name of the account
staff-code = Code from your authenticator app
staff-code-hint = Six digits. The code changes every half minute and can be used only once.
staff-refused = We could not log you in. Check name, password and code. If you have just used the code, wait for the next one. If the clock of your phone is wrong, the code does not match.
staff-throttled = There have been too many tries. You can try again { $time }.
event-staff-account = A local staff account was changed
event-code-expired = A one-time code ran out without being used
event-service = The service noted something about itself
