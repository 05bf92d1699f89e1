/* Chinese for what people read. Sorted by strcmp of the English: a test holds that. */
#include "base/lang.h"

#include <stddef.h>

const struct lang_pair lang_zh[] = {
    {"%llu recipients taken in, %.0f s", "已收下 %llu 位接收者，用时 %.0f 秒"},
    {"%s does not write to '%s' (row %llu): %s", "%s 不向“%s”发送（第 %llu 行）：%s"},
    {"'%s' must be https://; plain http is for tests on this machine, with 'standin: true'",
     "“%s”必须是 https://；http 只用于本机测试，并须写 standin: true"},
    {"'%s' must be https://HOST[:PORT][/PATH] in plain characters, without a user name and without "
     "'#'",
     "“%s”必须是 https://主机[:端口][/路径]，只用普通字符，不含用户名，也不含“#”"},
    {"checking", "检查中"},
    {"it looks like an id of WeChat, which Paceline reaches through official channels only",
     "它像是微信的 ID；Paceline 只经官方渠道触达微信"},
    {"it looks like an id of WeCom; a channel of the plugin 'wecom' reaches it, by the platform's "
     "rules",
     "它像是企业微信的 ID；应由 wecom 插件的渠道按平台规则发送"},
    {"missing key 'file', 'recipients' or 'senders'", "缺少键 'file'、'recipients' 或 'senders'"},
    {"neither UTF-8 nor GB18030", "既不是 UTF-8，也不是 GB18030"},
    {"not UTF-8, and this system cannot convert GB18030: save it as UTF-8",
     "不是 UTF-8，本系统又不能转换 GB18030：请另存为 UTF-8"},
    {"plugin '%s' has no 'api': '%s' is where it sends to", "插件“%s”没有 api：它发往“%s”"},
    {"read as GB18030", "按 GB18030 读取"},
    {"storing", "保存中"},
    {"the recipients seen cannot be kept in a temporary file: %s",
     "无法把已读的接收者存入临时文件：%s"},
    {"uploading", "上传中"},
    {"warning", "警告"},
    {"with 'standin: true' the host of '%s' must be 127.0.0.1, localhost or [::1]",
     "写了 standin: true 时，“%s”的主机必须是 127.0.0.1、localhost 或 [::1]"},
    {"{{%s}}: a list of senders has no columns", "{{%s}}：发送者名单没有列"},
    {NULL, NULL},
};
const unsigned lang_zh_count = sizeof(lang_zh) / sizeof(lang_zh[0]) - 1;
