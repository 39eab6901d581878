/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mua_install.c - puts Thunderbird's settings where it looks for them (mua.h). */
#include "cli/mua.h"
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLICIES_CAP (1024 * 1024)
/* When this is there, Thunderbird does not look into its own folder. */
#define SYSTEM_POLICIES "/etc/thunderbird/policies/policies.json"

static const char *const usual_places[] = {
    "/usr/lib/thunderbird",
    "/usr/lib64/thunderbird",
    "/opt/thunderbird",
    "/usr/local/lib/thunderbird",
    "/Applications/Thunderbird.app/Contents/Resources",
};

static bool is_thunderbird(const char *dir)
{
    char path[PATH_CAP];
    return path_join(path, dir, "application.ini", NULL) == 0 && file_exists(path);
}

int mua_thunderbird_find(char dir[PATH_CAP], struct error *e)
{
    for (size_t i = 0; i < sizeof usual_places / sizeof usual_places[0] && dir[0] == '\0'; i++)
        if (is_thunderbird(usual_places[i]))
            (void)snprintf(dir, PATH_CAP, "%s", usual_places[i]);
    if (dir[0] == '\0')
        return error_set(e, "Thunderbird is not in any of the usual places; name the folder that "
                            "holds its application.ini with --directory.");
    if (!is_thunderbird(dir))
        return error_set(e,
                         "%.200s is not Thunderbird's folder: it has no application.ini; name the "
                         "right one with --directory.",
                         dir);
    return 0;
}

/* A folder that every user may read. */
static int make_shared(const char *path, struct error *e)
{
    if (file_exists(path))
        return 0;
    if (dir_make(path, e) < 0)
        return -1;
    return chmod(path, 0755) == 0
               ? 0
               : error_set(e, "Cannot open the folder %s to all: %s.", path, strerror(errno));
}

/* Replaces a file that every user may read; its mode, if it was there, stays. */
static int write_shared(const char *path, const void *p, size_t n, struct error *e)
{
    struct stat st;
    mode_t mode = stat(path, &st) == 0 ? st.st_mode & 0777 : 0644;
    if (file_write(path, p, n, e) < 0)
        return -1;
    return chmod(path, mode) == 0
               ? 0
               : error_set(e, "Cannot set the mode of %s: %s.", path, strerror(errno));
}

/* Is what stands at path for this address too, or nothing there? */
static int may_replace(const struct mua *m, const char *path, struct error *e)
{
    struct buf text = BUF_INIT(MUA_FILE_CAP);
    char mark[ADDRESS_MAX + 64];
    int rc = 0;
    if (!file_exists(path))
        return 0;
    (void)snprintf(mark, sizeof mark, "<displayName>Restante of %s</displayName>", m->c->address);
    if (file_read(path, &text, e) < 0)
        rc = -1;
    else if (buf_str(&text) == NULL || strstr(buf_str(&text), mark) == NULL)
        rc = error_set(e,
                       "%s is there already and not for %s; move it away, or set the account up "
                       "by hand (`restante account`).",
                       path, m->c->address);
    buf_free(&text);
    return rc;
}

static int write_isp(const struct mua *m, const char *dir, const struct buf *xml, struct error *e)
{
    char isp[PATH_CAP], name[ADDRESS_MAX + 8], path[PATH_CAP];
    (void)snprintf(name, sizeof name, "%s.xml", address_group(m->c->address));
    if (path_join(isp, dir, "isp", e) < 0 || path_join(path, isp, name, e) < 0 ||
        may_replace(m, path, e) < 0 || make_shared(isp, e) < 0)
        return -1;
    return write_shared(path, xml->data, xml->len, e);
}

/* The member of this name and kind; made when it is absent. NULL: it is of another kind. */
static json_t *member(json_t *o, const char *name, json_t *fresh)
{
    json_t *found = json_object_get(o, name);
    if (found == NULL && json_object_set(o, name, fresh) == 0)
        found = fresh;
    if (found != NULL && json_typeof(found) != json_typeof(fresh))
        found = NULL;
    json_decref(fresh); /* o holds it, or nobody */
    return found;
}

/* {"policies": {"Preferences": {"mailnews.tags.$unfetched.tag": ...}}}: the tag of what waits at
 * its sender, with a colour, as a default that the user may change. As add_authority. */
static int add_tag(json_t *policies)
{
    static const struct {
        const char *name, *value;
    } preference[] = {{"mailnews.tags.$unfetched.tag", "Waits at its sender"},
                      {"mailnews.tags.$unfetched.color", "#1c71d8"}};
    json_t *at = policies == NULL ? NULL : member(policies, "Preferences", json_object());
    int changed = 0;
    for (size_t i = 0; at != NULL && i < sizeof preference / sizeof *preference; i++) {
        if (json_object_get(at, preference[i].name) != NULL)
            continue;
        if (json_object_set_new(
                at, preference[i].name,
                json_pack("{s:s,s:s}", "Value", preference[i].value, "Status", "default")) < 0)
            return -1;
        changed = 1;
    }
    return at == NULL ? -1 : changed;
}

/* {"policies": {"Certificates": {"Install": [..., ca]}}}: 1 changed, 0 it is there, -1 not ours to
 * change. */
static int add_authority(json_t *policies, const char *ca)
{
    json_t *at = policies, *one;
    size_t i;
    at = at == NULL ? NULL : member(at, "Certificates", json_object());
    at = at == NULL ? NULL : member(at, "Install", json_array());
    if (at == NULL)
        return -1;
    json_array_foreach(at, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), ca) == 0)
            return 0;
    }
    return json_array_append_new(at, json_string(ca)) == 0 ? 1 : -1;
}

static int merge_policies(const char *path, const char *ca, struct error *e)
{
    struct buf text = BUF_INIT(POLICIES_CAP);
    json_t *root = NULL;
    int rc = 0;
    if (!file_exists(path))
        root = json_object();
    else if (file_read(path, &text, e) == 0)
        root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    else
        rc = -1;
    buf_free(&text);
    json_t *policies =
        rc == 0 && json_is_object(root) ? member(root, "policies", json_object()) : NULL;
    int trust = add_authority(policies, ca), tag = add_tag(policies);
    int changed = trust < 0 || tag < 0 ? -1 : trust + tag;
    if (rc == 0 && changed < 0)
        rc =
            error_set(e,
                      "%s is not the policies that Thunderbird knows, so it was left alone; repair "
                      "it, or move it away.",
                      path);
    char *out = rc < 0 || changed == 0 ? NULL : json_dumps(root, JSON_INDENT(2));
    if (changed > 0)
        rc = out == NULL ? error_set(e, "The policies do not fit into memory.")
                         : write_shared(path, out, strlen(out), e);
    free(out);
    json_decref(root);
    return rc;
}

/* Where the policies stand, links followed: what a link leads to is changed, not the link. */
static int policies_path(const char *dir, char path[PATH_CAP], struct error *e)
{
    char folder[PATH_CAP], real[PATH_MAX];
    if (file_exists(SYSTEM_POLICIES)) {
        (void)snprintf(path, PATH_CAP, "%s", SYSTEM_POLICIES);
    } else if (path_join(folder, dir, "distribution", e) < 0 || make_shared(folder, e) < 0 ||
               path_join(path, folder, "policies.json", e) < 0) {
        return -1;
    }
    if (realpath(path, real) != NULL && strlen(real) < PATH_CAP)
        (void)snprintf(path, PATH_CAP, "%s", real);
    return 0;
}

int mua_thunderbird_install(const struct mua *m, const struct buf *xml, char dir[PATH_CAP],
                            struct error *e)
{
    char path[PATH_CAP];
    if (mua_thunderbird_find(dir, e) < 0)
        return -1;
    if (access(dir, W_OK) < 0)
        return error_set(e,
                         "Only root can change %s: run `sudo restante --home %s mua thunderbird "
                         "--install`.",
                         dir, m->c->home);
    /* Trust first: an account that is offered must work. */
    if (policies_path(dir, path, e) < 0 || merge_policies(path, m->ca, e) < 0)
        return -1;
    return write_isp(m, dir, xml, e);
}
