/* Chinese for what people read. Sorted by strcmp of the English: a test holds that. */
#include "base/lang.h"

#include <stddef.h>

const struct lang_pair lang_zh[] = {
    {"%llu recipients taken in, %.0f s", "已收下 %llu 位接收者，用时 %.0f 秒"},
    {"checking", "检查中"},
    {"missing key 'file', 'recipients' or 'senders'", "缺少键 'file'、'recipients' 或 'senders'"},
    {"neither UTF-8 nor GB18030", "既不是 UTF-8，也不是 GB18030"},
    {"not UTF-8, and this system cannot convert GB18030: save it as UTF-8",
     "不是 UTF-8，本系统又不能转换 GB18030：请另存为 UTF-8"},
    {"read as GB18030", "按 GB18030 读取"},
    {"storing", "保存中"},
    {"the recipients seen cannot be kept in a temporary file: %s",
     "无法把已读的接收者存入临时文件：%s"},
    {"uploading", "上传中"},
    {"warning", "警告"},
    {"{{%s}}: a list of senders has no columns", "{{%s}}：发送者名单没有列"},
    {NULL, NULL},
};
const unsigned lang_zh_count = sizeof(lang_zh) / sizeof(lang_zh[0]) - 1;
