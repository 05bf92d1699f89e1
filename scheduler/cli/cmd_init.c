/* `init`: files that work at once. The first campaign uses a channel that reaches nobody, so that a
 * newcomer sees one go from start to end before the first real key. Nothing is ever overwritten. */
#include "cli/command.h"

#include "base/lang.h"
#include "base/strbuf.h"
#include "conf/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct init_file {
    const char *path; /* below DIR */
    mode_t mode;
    const char *text; /* translated */
};

static const char audience_text[] = "recipient,name\n"
                                    "c01,Lin Yue\n"
                                    "c02,何琪\n"
                                    "c03,Maria\n"
                                    "c04,\n"
                                    "c05,王芳\n"
                                    "c06,Jonas\n"
                                    "c07,李雷\n"
                                    "c08,Aiko\n"
                                    "c09,韩梅梅\n"
                                    "c10,Chen\n"
                                    "c11,Fatima\n"
                                    "c12,赵敏\n";

static const struct init_file files[] = {
    {"paceline.yaml", 0644,
     TR_TABLE(
         "# The service file: where things are kept, which channels there are, who may do what.\n"
         "# After a change: paceline config check\n"
         "\n"
         "store: sqlite:paceline.db\n"
         "socket: paceline.sock\n"
         "timezone: Asia/Shanghai\n"
         "\n"
         "channels:\n"
         "  # Sends nothing to anybody: to try things out.\n"
         "  dry: {plugin: \"null\", senders: [anna, bo]}\n"
         "\n"
         "  # A WeCom group robot. Put its key (the part after `key=` of its webhook address) into "
         "robot.key.\n"
         "  staff-room: {plugin: wecom-robot, key: {file: robot.key}}\n"
         "\n"
         "# One-person mode: whoever submits may approve, and every listing and the audit log say "
         "so.\n"
         "# For two people, name them here and set allow_self to false:\n"
         "#\n"
         "# users:\n"
         "#   - {name: alice, roles: [submitter], os_user: alice}\n"
         "#   - {name: bo, roles: [approver, operator], os_user: bo}\n"
         "approval: {allow_self: true}\n")},
    {"robot.key", 0600, "put-the-key-of-your-robot-here\n"},
    {"campaigns/first.yaml", 0644,
     TR_TABLE(
         "# A first campaign. It goes out on the channel `dry`, which reaches nobody.\n"
         "campaign: first\n"
         "title: A first campaign\n"
         "channel: dry\n"
         "\n"
         "audience:\n"
         "  file: first.csv\n"
         "  expect: 12            # a slip in the file is found before anybody is written to\n"
         "\n"
         "message:\n"
         "  text: \"Hello {{name | there}}, our spring collection has arrived.\"\n"
         "\n"
         "pace:\n"
         "  interval: 1s..4s      # the gap between two sends of one sender, drawn anew for each\n"
         "  limits:\n"
         "    - {max: 5, per: 10s, scope: sender}\n")},
    {"campaigns/first.csv", 0644, audience_text},
};

/* For a WeCom app. What only the admin knows is written so that `config check` asks for it; the
 * first campaign is for one customer, whom the member has given a tag by hand. */
static const struct init_file wecom_files[] = {
    {"paceline.yaml", 0644,
     TR_TABLE(
         "# The service file: where things are kept, which channels there are, who may do what.\n"
         "# After a change: paceline config check\n"
         "#\n"
         "# What an admin does in WeCom's admin console first, in the order that it forces\n"
         "# (docs/wecom.md says it step by step):\n"
         "#\n"
         "#   1. make an app of your own; its visible range: every member who is to send\n"
         "#   2. give it a trusted domain, or a callback address\n"
         "#   3. enter this machine's address as its trusted IP (possible after 2 only)\n"
         "#   4. under Customer Contact, add the app to the callable apps\n"
         "#   5. put the same members into the usage range of Customer Contact\n"
         "#   6. corp id, agent id and secret: below\n"
         "#   7. a test group of one: give one customer, yourself, the tag of the first campaign\n"
         "\n"
         "store: sqlite:paceline.db\n"
         "socket: paceline.sock\n"
         "timezone: Asia/Shanghai\n"
         "\n"
         "accounts:\n"
         "  brand:\n"
         "    corp_id: ww0000000000000000\n"
         "    agent_id: 1000000\n"
         "    secret: {file: wecom.secret}      # mode 0600\n"
         "    receive_cap: 1 per day            # as the admin set it: this, 7 per week or "
         "month-days\n"
         "\n"
         "channels:\n"
         "  # Mass messages: each member confirms them on the phone. `all`: the members that\n"
         "  # 'paceline contacts sync brand' finds; or name them: [lin.yue, he.qi]\n"
         "  customers: {plugin: wecom, account: brand, mode: customers, senders: all}\n"
         "  groups: {plugin: wecom, account: brand, mode: groups, senders: all}\n"
         "  # Messages of the app to members.\n"
         "  members: {plugin: wecom, account: brand, mode: members}\n"
         "\n"
         "# One-person mode: whoever submits may approve, and every listing and the audit log say "
         "so.\n"
         "# For two people, name them here and set allow_self to false:\n"
         "#\n"
         "# users:\n"
         "#   - {name: alice, roles: [submitter], os_user: alice}\n"
         "#   - {name: bo, roles: [approver, operator], os_user: bo}\n"
         "approval: {allow_self: true}\n")},
    {"wecom.secret", 0600, SERVICE_INIT_SECRET "\n"},
    {"campaigns/first.yaml", 0644,
     TR_TABLE(
         "# A first campaign, to one customer: the member gives the tag below to that customer in\n"
         "# WeCom (you, with your own WeChat), then: paceline contacts sync brand\n"
         "# The member confirms the message on the phone; nothing reaches anybody before that.\n"
         "campaign: first\n"
         "title: A first campaign\n"
         "channel: customers\n"
         "\n"
         "audience:\n"
         "  contacts: true\n"
         "  where: {tags_any: [test]}\n"
         "  expect: 1             # one customer too many is refused\n"
         "\n"
         "message:\n"
         "  text: \"Hello, this is a test of our mass messages.\"\n"
         "\n"
         "confirm: {within: 4h}   # what is not confirmed by then is withdrawn\n")},
};
enum {
    FILES = sizeof(files) / sizeof(files[0]),
    WECOM_FILES = sizeof(wecom_files) / sizeof(wecom_files[0])
};

struct init_set { /* what is made */
    const struct init_file *files;
    size_t count;
};

static char *path_of(const char *dir, const char *name)
{
    struct strbuf path = STRBUF_INIT;

    if (strcmp(dir, ".") != 0)
        strbuf_printf(&path, "%s/", dir);
    strbuf_puts(&path, name);
    return strbuf_take(&path);
}

/* The exit code. Looked at before anything is written: all or nothing. */
static int check_free(const struct cli *cli, const struct init_set *set, const char *dir)
{
    struct stat st;

    for (size_t i = 0; i < set->count; i++) {
        char *path = path_of(dir, set->files[i].path);
        bool there = lstat(path, &st) == 0;
        if (there)
            say(cli, tr("%s is already there; nothing was written"), path);
        free(path);
        if (there)
            return EXIT_REFUSED;
    }
    return 0;
}

static int cannot(const struct cli *cli, const char *path)
{
    int error = errno;

    say(cli, tr("%s cannot be made: %s"), path, lang_errno(error));
    return error == EACCES || error == EPERM || error == EROFS ? EXIT_DENIED : EXIT_REFUSED;
}

static int make_folder(const struct cli *cli, const char *path)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return 0;
    return cannot(cli, path);
}

static int write_file(const struct cli *cli, const char *path, const struct init_file *f)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, f->mode);

    if (fd < 0)
        return cannot(cli, path);
    const char *text = tr(f->text);
    size_t length = strlen(text);
    bool ok = write(fd, text, length) == (ssize_t)length;
    ok = close(fd) == 0 && ok;
    return ok ? 0 : cannot(cli, path);
}

static int write_all(const struct cli *cli, const struct init_set *set, const char *dir)
{
    char *campaigns = path_of(dir, "campaigns");
    int rc = strcmp(dir, ".") == 0 ? 0 : make_folder(cli, dir);

    if (rc == 0)
        rc = make_folder(cli, campaigns);
    free(campaigns);
    for (size_t i = 0; i < set->count && rc == 0; i++) {
        char *path = path_of(dir, set->files[i].path);
        rc = write_file(cli, path, &set->files[i]);
        if (rc == 0 && cli->json)
            say_json(cli, json_pack("{s:s}", "made", path));
        else if (rc == 0)
            fprintf(cli->out, tr("made %s\n"), path);
        free(path);
    }
    return rc;
}

int cmd_init(struct cli *cli)
{
    const char *dir = cli->arg_count > 0 ? cli->args[0] : ".";
    bool wecom = cli->values[OPT_WECOM] != NULL;
    const struct init_set set =
        wecom ? (struct init_set){wecom_files, WECOM_FILES} : (struct init_set){files, FILES};
    int rc = check_free(cli, &set, dir);

    if (rc == 0)
        rc = write_all(cli, &set, dir);
    if (rc || cli->json)
        return rc;
    fputs(tr("\nNext:\n"), cli->out);
    if (strcmp(dir, ".") != 0)
        fprintf(cli->out, "  cd %s\n", dir);
    if (wecom)
        fputs(tr("  the steps at the top of paceline.yaml, in the admin console\n"
                 "  paceline config check                     # names what is missing\n"
                 "  paceline check campaigns/first.yaml\n"),
              cli->out);
    else
        fputs(tr("  paceline check campaigns/first.yaml\n"
                 "  paceline serve                            # in a terminal of its own\n"
                 "  paceline submit campaigns/first.yaml && paceline approve first --wait\n"),
              cli->out);
    return 0;
}
