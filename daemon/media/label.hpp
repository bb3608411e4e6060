#pragma once
// The SELinux label of what a web server is to offer.

namespace rtnode::media {

/// New files of this process have httpd_sys_content_t while it lives, where SELinux is on and its policy knows that
/// type; else it does nothing. (setfscreatecon(3) without the library: the kernel's own files are its interface.)
class WebContentLabel {
  public:
    WebContentLabel();
    ~WebContentLabel();
    WebContentLabel(const WebContentLabel&) = delete;
    WebContentLabel& operator=(const WebContentLabel&) = delete;

    bool active() const { return active_; }

  private:
    bool active_ = false;
};

} // namespace rtnode::media
