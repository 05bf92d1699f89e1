#include "codes.h"

#include <stddef.h>

static const struct {
    int from, to; /* both inclusive */
    enum code_class class;
    const char *advice;
} codes[] = {
    {-1, -1, CODE_BUSY, "the platform was busy"},
    {0, 0, CODE_OK, "ok"},
    {6000, 6000, CODE_BUSY, "the data changed meanwhile"},
    {40001, 40001, CODE_SETUP,
     "the secret was refused: check the account's secret (step 6 of docs/wecom.md)"},
    {40003, 40003, CODE_MEMBER,
     "no such member, or outside the app's visible range (step 1 of docs/wecom.md)"},
    {40004, 40006, CODE_REQUEST, "the kind or size of a file was refused"},
    {40007, 40007, CODE_MEDIA, "an uploaded file is not known any more"},
    {40008, 40008, CODE_REQUEST, "the kind of message was refused"},
    {40009, 40009, CODE_REQUEST, "the size of an image was refused"},
    {40011, 40011, CODE_REQUEST, "the size of a video was refused"},
    {40013, 40013, CODE_SETUP,
     "the corp id was refused: check the account's corp_id (step 6 of docs/wecom.md)"},
    {40014, 40014, CODE_TOKEN, "the access token was refused"},
    {40031, 40031, CODE_MEMBER, "a member was refused"},
    {40033, 40033, CODE_REQUEST, "the request was refused as malformed"},
    {40035, 40035, CODE_REQUEST, "the request was refused as malformed"},
    {40050, 40050, CODE_RECIPIENT, "there is no such chat"},
    {40056, 40056, CODE_SETUP,
     "the agent id was refused: check the account's agent_id (step 6 of docs/wecom.md)"},
    {40057, 40057, CODE_SETUP, "the callback address could not be verified"},
    {40058, 40058, CODE_REQUEST, "the request was refused as malformed"},
    {40063, 40063, CODE_REQUEST, "the request was refused as malformed"},
    {40066, 40070, CODE_REQUEST, "a department or tag was refused"},
    {40091, 40091, CODE_SETUP, "the secret belongs to another corp (step 6 of docs/wecom.md)"},
    {40096, 40096, CODE_RECIPIENT, "a customer's id was refused"},
    {40098, 40098, CODE_MEMBER, "the member is not verified"},
    {40123, 40123, CODE_REQUEST, "the format of an image was refused"},
    {40126, 40126, CODE_REQUEST, "the corp has no room for more tags"},
    {40128, 40131, CODE_RECIPIENT, "the customer cannot be transferred"},
    {40143, 40143, CODE_RECIPIENT, "the customer cannot be transferred"},
    {40201, 40201, CODE_CONTENT, "the platform's spam filter stopped the content"},
    {40204, 40204, CODE_CONTENT, "the platform's spam filter stopped the content"},
    {40206, 40206, CODE_REQUEST, "the request is too large"},
    {41001, 41001, CODE_REQUEST, "the access token was missing"},
    {41002, 41002, CODE_SETUP,
     "the corp id was missing: check the account's corp_id (step 6 of docs/wecom.md)"},
    {41004, 41004, CODE_SETUP,
     "the secret was missing: check the account's secret (step 6 of docs/wecom.md)"},
    {41046, 41047, CODE_NO_TASK, "the platform does not know the task"},
    {41048, 41048, CODE_RECIPIENT, "none of these customers can be sent to"},
    {41049, 41051, CODE_RECIPIENT, "the welcome code cannot be used any more"},
    {41053, 41053, CODE_RECIPIENT, "the customer has not agreed to archiving"},
    {41054, 41054, CODE_MEMBER, "the member is not activated"},
    {41055, 41055, CODE_REQUEST, "the corp has no room for more welcome templates"},
    {41058, 41058, CODE_SETUP, "another app made this template"},
    {41059, 41062, CODE_REQUEST, "the moment is not known"},
    {41063, 41063, CODE_DISPATCHING, "the task is being dispatched"},
    {41064, 41065, CODE_REQUEST, "the number or kind of attachments was refused"},
    {41067, 41067, CODE_REQUEST, "the kind of moment was refused"},
    {41068, 41072, CODE_REQUEST, "the request was refused"},
    {41076, 41077, CODE_REQUEST, "the request was refused"},
    {41078, 41078, CODE_QUOTA, "too many jobs are running"},
    {41079, 41079, CODE_DISPATCHING, "the moment is being dispatched"},
    {41080, 41084, CODE_REQUEST, "the size, resolution or duration of a file was refused"},
    {41088, 41091, CODE_REQUEST, "the request was refused"},
    {41093, 41093, CODE_CANCELED, "the task was withdrawn before"},
    {41094, 41094, CODE_REMINDED, "the task has been reminded of three times in 24 hours"},
    {41096, 41096, CODE_BUSY, "another welcome message is on its way"},
    {42001, 42001, CODE_TOKEN, "the access token has expired"},
    {42052, 42052, CODE_RECIPIENT, "too late to recall the message"},
    {44001, 44001, CODE_REQUEST, "a file is empty"},
    {44004, 44004, CODE_REQUEST, "the text is empty"},
    {45001, 45001, CODE_REQUEST, "a file is too large"},
    {45002, 45002, CODE_REQUEST, "the text is too long"},
    {45007, 45007, CODE_REQUEST, "a recording is too long"},
    {45009, 45009, CODE_QUOTA, "too many calls: blocked for a while"},
    {45033, 45033, CODE_CONCURRENCY, "too many calls at once"},
    {45035, 45035, CODE_CONCURRENCY, "two calls changed the same at once"},
    {48001, 48002, CODE_SETUP,
     "the app may not do this: add it to the callable apps (step 4 of docs/wecom.md)"},
    {48004, 48004, CODE_SETUP,
     "the app may not do this: add it to the callable apps (step 4 of docs/wecom.md)"},
    {48006, 48006, CODE_SETUP,
     "the app may not do this: add it to the callable apps (step 4 of docs/wecom.md)"},
    {49008, 49008, CODE_RECIPIENT, "the group has been dissolved"},
    {50001, 50003, CODE_SETUP,
     "the app is disabled, or the member is not in its range (step 1 of docs/wecom.md)"},
    {50006, 50006, CODE_SETUP,
     "the app is disabled, or the member is not in its range (step 1 of docs/wecom.md)"},
    {50100, 50100, CODE_CURSOR, "the cursor was refused"},
    {60011, 60011, CODE_SETUP,
     "the app's rights do not reach so far (steps 1 and 4 of docs/wecom.md)"},
    {60020, 60020, CODE_SETUP,
     "this machine's address is not on the app's list of trusted IPs, or not yet (step 3 of "
     "docs/wecom.md)"},
    {60111, 60111, CODE_MEMBER,
     "no such member, or outside the app's visible range (step 1 of docs/wecom.md)"},
    {81013, 81013, CODE_RECIPIENT, "none of these members can be sent to"},
    {81017, 81017, CODE_REQUEST, "too much was asked for at once"},
    {82001, 82004, CODE_REQUEST, "a list was empty or too long"},
    {84061, 84061, CODE_RECIPIENT, "the member is not the customer's contact (any more)"},
    {84074, 84074, CODE_MEMBER,
     "the member may not contact customers: check the usage range (step 5 of docs/wecom.md)"},
    {84083, 84084, CODE_MEMBER, "the member may not contact this customer"},
    {85002, 85002, CODE_CONTENT, "the platform refused words of the content"},
    {86001, 86001, CODE_RECIPIENT, "there is no such chat"},
    {86003, 86003, CODE_RECIPIENT, "there is no such chat"},
    {86008, 86008, CODE_RECIPIENT, "another app made this chat"},
    {90500, 90509, CODE_RECIPIENT, "it is no customer group (any more)"},
    {93000, 93000, CODE_SETUP, "there is no robot with this key"},
    {93004, 93004, CODE_SETUP, "the robot is disabled"},
    {93008, 93008, CODE_SETUP, "the robot is not in the group"},
    {95000, 95004, CODE_RECIPIENT, "the customer must write first"},
    {95013, 95013, CODE_RECIPIENT, "the customer must write first"},
    {95018, 95018, CODE_RECIPIENT, "the customer must write first"},
    {95031, 95031, CODE_RECIPIENT, "the customer must write first"},
    {301002, 301002, CODE_SETUP,
     "the agent id is not the secret's app: check both (step 6 of docs/wecom.md)"},
    {301007, 301007, CODE_SETUP, "the corp cannot be used: ask the admin"},
    {640000, 640999, CODE_REQUEST, "the request was refused"},
    {701008, 701008, CODE_SETUP, "no member has a licence"},
    {830002, 830002, CODE_REQUEST, "the request was refused"},
};

enum { COUNT = sizeof codes / sizeof codes[0] };

static size_t find(int64_t code)
{
    size_t i = 0;

    while (i < COUNT && (code < codes[i].from || code > codes[i].to))
        i++;
    return i;
}

enum code_class code_class(int64_t code)
{
    size_t i = find(code);

    return i < COUNT ? codes[i].class : CODE_NEW;
}

const char *code_advice(int64_t code)
{
    size_t i = find(code);

    return i < COUNT ? codes[i].advice : "a code that is not known";
}
