/* The handlers of the routes table. Each is called once on the loop thread with a whole request and
 * answers it exactly once, now or in a later turn (request.h). */
#ifndef PACELINE_API_HANDLERS_H
#define PACELINE_API_HANDLERS_H

struct request;

void status_healthz(struct request *rq);
void status_readyz(struct request *rq);
void status_show(struct request *rq);
void status_halt(struct request *rq);
void status_unhalt(struct request *rq);
void status_reload(struct request *rq);

void backup_make(struct request *rq);

void report_show(struct request *rq);

void campaigns_list(struct request *rq);
void campaigns_show(struct request *rq);
void campaigns_preview(struct request *rq);

void decide_approve(struct request *rq);
void decide_reject(struct request *rq);
void decide_pause(struct request *rq);
void decide_resume(struct request *rq);
void decide_cancel(struct request *rq);

void submit_bundle(struct request *rq);
void submit_list(struct request *rq);
void plan_bundle(struct request *rq);

void contacts_list(struct request *rq);
void contacts_import(struct request *rq);

void accounts_sync(struct request *rq);
void accounts_sync_show(struct request *rq);

void suppressions_list(struct request *rq);
void suppressions_add(struct request *rq);
void suppressions_remove(struct request *rq);

void deliveries_list(struct request *rq);
void deliveries_show(struct request *rq);
void deliveries_outcome(struct request *rq);
void deliveries_resend(struct request *rq);

void explain_show(struct request *rq);

void prompts_list(struct request *rq);
void prompts_shown(struct request *rq);
void prompts_answer(struct request *rq);
void prompts_snooze(struct request *rq);
void prompts_attachment(struct request *rq);
void tasks_list(struct request *rq);
void tasks_remind(struct request *rq);

void audit_list(struct request *rq);
void audit_verify(struct request *rq);

#endif
