"""Words that tell something of the recipient's address: unknown, disabled, full, moved; of its domain.

Sources: RFC 3463 and RFC 5321 texts, the servers' own message catalogues and postmaster pages, in the languages in
which they speak. How phrases are written: app/bounces/phrases.py.
"""

from app.bounces.phrases import phrases

USER_UNKNOWN = phrases(
    """
    recipient cannot be verified please check all recipients
    isnt one of ours
    not one of ours
    alias * has been removed
    alias * was removed
    alias * has been deleted
    do not know this person
    don t know this person
    addressee unknown
    validrcptto
    validrcptto list
    no valid recipients for this mm
    not in my list of valid recipients
    adresat nie istnieje
    odbiorca nie istnieje
    aucune boite
    aucun utilisateur
    aucun compte
    aucun destinataire de ce nom
    ningun usuario
    ningun buzon
    ninguna cuenta
    nenhum usuario
    nenhuma conta
    nessun utente
    nessuna casella
    kein solches postfach
    kein postfach
    kein konto
    kein empfanger mit
    geen gebruiker
    geen mailbox met
    ingen anvandare
    ingen bruker med
    такого * ящика нет
    такого адресата нет
    такого получателя нет
    такої скриньки немає
    takie konto nie istnieje
    brak takiego konta
    brukeren finnes ikke
    mottakeren finnes ikke
    користувач не існує
    користувача не існує
    одержувача не існує
    unrecognised or name
    unrecognized or name
    unbekannter adressat
    vartotojas neegzistuoja
    gavejas neegzistuoja
    χρηστης δεν υπαρχει
    παραληπτης δεν υπαρχει
    查無此帳號
    查無此帳戶
    查無此人
    查无此帐号
    查无此账号
    查无此人
    無此使用者
    無此帳號
    无此用户
    无此帐号
    no such subscriber
    unknown subscriber
    subscriber unknown
    subscriber does not exist
    invalid mobile number
    not a valid mobile number
    nie mozna znalezc * adresu
    nepodarilo se najit * adresu
    e mailova adresa * nebyla nalezena
    nao foi possivel encontrar o endereco de e mail
    n est pas repertorie dans l annuaire
    pas repertorie dans l annuaire
    nicht im domino verzeichnis
    nicht im verzeichnis aufgefuhrt
    no figura en el directorio
    no aparece en el directorio domino
    non elencato nella directory domino
    non presente nella directory domino
    nao listado no diretorio domino
    ディレクトリに登録されていません
    ディレクトリにリストされていません
    ディレクトリに見つかりません
    user unknown
    unknown user
    users unknown
    unknown recipient
    unknown recipients
    recipient unknown
    recipient is unknown
    recipient address unknown
    unknown address
    address unknown
    address is unknown
    unknown mailbox
    mailbox unknown
    unknown account
    unknown local part
    unknown local user
    unknown or invalid user
    unknown or illegal alias
    unknown or illegal user
    unknown rcpt
    unknown email address
    unknown e mail address
    unknown to address
    account unknown
    no such user
    no such local user
    no such mailbox
    no such recipient
    no such person
    no such account
    no such address
    no such email
    no such e mail
    no such alias
    no such name
    no such local part
    no such virtual user
    no such domain user
    no such employee
    no such mail drop
    no mailbox here
    no mailbox by that name
    no mailbox found
    no mailbox with
    no mailbox for
    no local mailbox
    no account by that name
    no account here
    no account with that
    no users here by that name
    no valid recipient
    no valid mailbox
    no matching user
    no matching recipient
    no recipients at
    no existing user
    no one here by that name
    no person here
    no email account
    no recipient with
    user not found
    user is not found
    user was not found
    username not found
    users not found
    account not found
    account can not be found
    mailbox not found
    mailbox was not found
    recipient not found
    recipient was not found
    recipients not found
    recipient could not be found
    address not found
    address wasn t found
    address couldn t be found
    address could not be found
    destination not found
    email not found
    wasn t found at
    wasn t found in
    was not found at
    could not be found at
    not found in directory
    not found in the directory
    not found by smtp address lookup
    not found in local
    not found in recipient
    not find a match for the recipient
    mail address you entered couldn t be found
    user does not exist
    user doesn t exist
    user dosn t exist
    users does not exist
    mailbox does not exist
    mailbox doesn t exist
    recipient does not exist
    recipient doesn t exist
    recipients do not exist
    recipient no longer exist%
    account does not exist
    account doesn t exist
    account that you tried to reach does not exist
    account that you tried to reach is not valid
    address does not exist
    address doesn t exist
    e mail does not exist
    email does not exist
    addressee does not exist
    alias does not exist
    local part does not exist
    person does not exist
    addr does not exist
    addr doesn t exist
    addr dosn t exist
    addr not exist%
    addr not found
    addr not found
    addr unknown
    addr is unknown
    addr is not valid
    addr is not a valid
    addr is not known
    addr is not here
    addr no such
    addr not known
    addr not valid
    addr is invalid
    addr isn t
    not exist in
    not exist here
    not exist at
    not exist on this
    not exist on our
    non existent user
    non existent mailbox
    non existent recipient
    non existent address
    non existent account
    non existing user
    non existing account
    non existing mailbox
    nonexistent user
    nonexistent mailbox
    nonexistent recipient
    nonexistent address
    nonexistent account
    nonexistent local part
    inexistent
    user no longer exist%
    mailbox no longer exist%
    account no longer exist%
    address no longer exist%
    addr no longer exist%
    no longer on server
    no longer on this server
    no longer on our server
    no longer valid
    no longer a valid
    no longer here
    no longer with us
    no longer with the company
    no longer employed
    no longer an employee
    no longer works
    no longer have an account
    no longer has an account
    no longer has a mailbox
    is not our customer
    is no longer our customer
    invalid recipient
    invalid recipients
    invalid user
    invalid users
    invalid mailbox
    invalid mailbox path
    invalid local part
    invalid local address
    invalid rcpt
    invalid final delivery user
    invalid final delivery userid
    invalid user address
    invalid recipient address
    invalid to address
    invalid destination address
    invalid destination mailbox
    invalid addressee
    invalid or unknown virtual user
    recipient invalid
    recipient is invalid
    recipient * is invalid
    recipient not valid
    recipient is not valid
    recipient address invalid
    user invalid
    user is invalid
    user * is invalid
    user not valid
    mailbox invalid
    mailbox is invalid
    mailbox name invalid
    mailbox name not allowed
    account is invalid
    address is invalid
    address invalid
    address is not valid
    address * is not valid
    address is not a valid
    address is incorrect
    address you entered is incorrect
    account is not valid
    account * is not valid
    not a valid mailbox
    not a valid user
    not a valid recipient
    not a valid address
    not a valid email
    not a valid e mail
    not a valid account
    not a known user
    not a local user
    not a local mailbox
    not a local address
    not a recognized user
    not a registered user
    not a user here
    not our customer
    isn t a valid
    user not known
    user is not known
    user is not local
    user not local
    user not here
    user not exist%
    user no exist%
    user not on this
    user not listed
    user * not listed
    not listed in domino directory
    not listed in public name
    not listed in public address
    not listed in address book
    not listed in directory
    user not recogni%
    user is not recogni%
    user name is not recogni%
    recipient name is not recogni%
    recipient is not recogni%
    recipient not recogni%
    recipient not known
    recipient not exist%
    recipient is not exist%
    recipient not here
    recipient is not local
    recipient not on server
    recipient does not have an account
    recipient is not registered
    recipient no such
    recipient address rejected user
    recipient address rejected no such
    recipient address rejected unknown
    recipient address rejected invalid
    recipient address rejected unlisted
    recipient address rejected address unknown
    recipient verification failed
    recipient verify failed
    recipient unverified
    receiver not found
    receiver unknown
    rcpt unknown
    rcpt not found
    rcpt does not exist
    mailbox not exist%
    mailbox unavailable or not local
    mailbox not here
    mailbox not local
    mailbox is not local
    mailbox not on server
    mailbox has been deleted
    mailbox * has been deleted
    mailbox was deleted
    mailbox deleted
    account has been deleted
    account * has been deleted
    account was deleted
    account deleted
    account is deleted
    account * deleted
    user has been deleted
    user deleted
    account not exist%
    account no exist%
    account is not known
    account is not here
    account not on server
    address not exist%
    address not known
    address is not known
    address not recogni%
    address not listed
    address not present
    address not valid
    address not here
    address * not listed
    address removed
    account removed
    does not have an account
    doesn t have an account
    does not have a mailbox
    doesn t have a * account
    does not have a * account
    does not like recipient user unknown
    unrouteable address
    unroutable address
    unrouteable mail domain user
    unknown local recipient
    user * not registered
    no matches to nameserver query
    user not registered
    bad destination mailbox address
    bad destination email address
    bad destination address
    bad address
    bad recipient
    bad recipient address
    bad user
    bad mailbox
    incorrect address
    wrong recipient address
    wrong address
    illegal user
    illegal alias
    illegal recipient
    illegal recipient address
    no such domain name or user
    mailbox you are trying to reach does not exist
    deactivated * does not exist
    there is no such
    there is no user
    there is no account
    there is no one
    there is no recipient
    there is no mailbox
    there is no address
    there is no %user
    couldn t find any user
    cannot find user
    can t find user
    cannot find the user
    unable to find user
    unable to find recipient
    unable to locate user
    unable to verify user
    unable to validate recipient
    unable to determine destination mailbox
    could not find user
    couldn t find user
    can not find user
    can not find the recipient
    vdeliver invalid or unknown virtual user
    vdelivermail account
    chkuser no mailbox
    not our user
    local user unknown
    unlisted recipient
    delivery to the following * not permitted user unknown
    resolver adr exrecipnotfound
    resolver adr recipnotfound
    resolver adr recipientnotfound
    resolver adr %notfound
    recipnotfound
    recipientnotfound
    badrecipient
    nosuchuser
    no_such_user
    userunknown
    unassigned mail%
    unknown recipient at
    recipient s e mail address was not found
    e mail account does not exist
    not registered here
    no mail box available for this user
    no mail box
    not have a mail account
    missing mailbox
    mailbox is missing
    recipients unknown
    name unknown
    # German
    benutzer unbekannt
    unbekannter benutzer
    unbekannter empfanger
    unbekannte adresse
    empfanger unbekannt
    empfanger * unbekannt
    empfanger * nicht gefunden
    empfanger existiert nicht
    empfanger * existiert nicht
    %empfangeradresse unbekannt
    %empfangeradresse existiert nicht
    %empfangeradresse * nicht gefunden
    %empfangeradresse * existiert nicht
    %adresse existiert nicht
    %adresse * existiert nicht
    %adresse * nicht gefunden
    %adresse konnte nicht gefunden werden
    %adresse ist unbekannt
    %adresse ist ungultig
    %adresse unbekannt
    %adresse ungultig
    benutzer existiert nicht
    existiert dieser benutzer nicht
    existiert kein
    benutzer * existiert nicht
    benutzer nicht gefunden
    benutzer * nicht gefunden
    benutzer * nicht aufgefuhrt
    kein solcher benutzer
    kein benutzer
    keinen benutzer
    postfach existiert nicht
    postfach * existiert nicht
    postfach nicht gefunden
    postfach * nicht gefunden
    konto existiert nicht
    konto * existiert nicht
    mailkonto existiert nicht
    wurde in domino nicht gefunden
    nicht im domino verzeichnis
    e mail konto ist * nicht vorhanden
    # French
    utilisateur inconnu
    utilisateur inexistant
    utilisateur * n existe pas
    utilisateur non trouve
    utilisateur introuvable
    destinataire inconnu
    destinataire inexistant
    destinataire * n existe pas
    destinataire * introuvable
    destinataire * pas ete trouve
    destinataire non trouve
    adresse inconnue
    adresse inexistante
    adresse * inconnue
    adresse * inexistante
    adresse * n existe pas
    adresse * introuvable
    adresse * pas ete trouvee
    adresse d au moins un destinataire invalide
    adresse * invalide
    boite inconnue
    boite aux lettres * n existe pas
    boite aux lettres * inexistante
    boite aux lettres * introuvable
    compte inexistant
    compte * n existe pas
    n est pas un utilisateur
    # Spanish
    usuario desconocido
    usuario inexistente
    usuario no existe
    usuario * no existe
    usuario no encontrado
    usuario * no encontrado
    no existe el usuario
    no existe tal usuario
    destinatario desconocido
    destinatario inexistente
    destinatario * no existe
    destinatario no encontrado
    destinatario * no encontrado
    no se ha encontrado el destinatario
    no se encontro el destinatario
    no se encontro la direccion
    no se ha encontrado la direccion
    direccion desconocida
    direccion inexistente
    direccion no existe
    direccion * no existe
    direccion no valida
    direccion * no se encontro
    direccion no encontrada
    direccion * no se encuentra
    buzon no existe
    buzon * no existe
    buzon inexistente
    buzon desconocido
    cuenta no existe
    cuenta * no existe
    cuenta inexistente
    la cuenta de correo * no existe
    # Portuguese
    usuario nao existe
    usuario * nao existe
    usuario nao encontrado
    usuario * nao encontrado
    utilizador desconhecido
    usuario desconhecido
    destinatario desconhecido
    destinatario nao existe
    destinatario * nao existe
    destinatario nao encontrado
    destinatario * nao encontrado
    destinatario * nao foi encontrado
    endereco nao existe
    endereco * nao existe
    endereco nao encontrado
    endereco * nao encontrado
    endereco * nao foi encontrado
    endereco * invalido
    endereco desconhecido
    endereco inexistente
    caixa postal nao existe
    caixa postal * nao existe
    caixa de correio * nao existe
    caixa postal inexistente
    conta nao existe
    conta * nao existe
    conta inexistente
    # Italian
    utente sconosciuto
    utente inesistente
    utente non trovato
    utente * non esiste
    utente * non trovato
    destinatario sconosciuto
    destinatario inesistente
    destinatario * non esiste
    destinatario non trovato
    destinatario * non trovato
    destinatario * non e stato trovato
    indirizzo sconosciuto
    indirizzo inesistente
    indirizzo * non esiste
    indirizzo non trovato
    indirizzo * non trovato
    indirizzo * non e stato trovato
    indirizzo non valido
    indirizzo * inesistente
    casella inesistente
    casella * non esiste
    casella * inesistente
    casella di posta * non esiste
    account inesistente
    account * non esiste
    # Dutch
    %adres * kan niet worden gevonden
    %adres * niet worden gevonden
    ontvanger * niet gevonden
    geadresseerde * niet gevonden
    gebruiker onbekend
    onbekende gebruiker
    gebruiker niet gevonden
    gebruiker bestaat niet
    gebruiker * bestaat niet
    onbekende ontvanger
    ontvanger onbekend
    ontvanger bestaat niet
    ontvanger niet gevonden
    %adres bestaat niet
    %adres * bestaat niet
    %adres niet gevonden
    %adres * niet gevonden
    %adres onbekend
    onbekend adres
    mailbox bestaat niet
    postvak bestaat niet
    postvak * bestaat niet
    # Scandinavian
    inte att hitta * %adress%
    inte att hitta * mottagare%
    hittar inte * %adress%
    %adresse blev ikke fundet
    %adresse * blev ikke fundet
    kunne ikke finde * %adress%
    finner ikke * %adress%
    finner ikke mottaker%
    %adresse ble ikke funnet
    %osoitetta ei loytynyt
    %osoitetta ei loydy
    %osoitetta ei ole
    okand anvandare
    okand mottagare
    anvandaren finns inte
    anvandaren * finns inte
    mottagaren finns inte
    mottagaren * finns inte
    mottagaren * hittades inte
    %adressen hittades inte
    %adressen * hittades inte
    %adressen finns inte
    %adressen * finns inte
    brevladan finns inte
    ukendt bruger
    ukendt modtager
    brugeren findes ikke
    modtageren findes ikke
    modtageren * findes ikke
    modtageren * blev ikke fundet
    %adressen findes ikke
    %adressen * findes ikke
    %adressen * blev ikke fundet
    ukjent bruker
    ukjent mottaker
    mottakeren finnes ikke
    mottakeren * finnes ikke
    mottakeren * ble ikke funnet
    %adressen finnes ikke
    %adressen * finnes ikke
    %adressen * ble ikke funnet
    kayttajaa ei ole
    kayttajaa ei loydy
    tuntematon kayttaja
    tuntematon vastaanottaja
    vastaanottajaa ei loydy
    vastaanottajaa ei ole
    vastaanottajaa * ei loytynyt
    osoitetta ei ole
    osoitetta ei loydy
    osoitetta ei loytynyt
    osoitetta * ei loytynyt
    nie mozna odnalezc * adresu
    nie mozna odnalezc adresu
    nie mozna znalezc adresu
    nie odnaleziono adresu
    nie mozna odnalezc * odbiorcy
    # Polish, Czech, Slovak, Hungarian, Romanian, Croatian, Slovene
    nieznany uzytkownik
    uzytkownik nieznany
    uzytkownik nie istnieje
    uzytkownik * nie istnieje
    nieznany adresat
    nieznany odbiorca
    odbiorca nie istnieje
    odbiorca * nie istnieje
    adres nie istnieje
    adres * nie istnieje
    adresu nie znaleziono
    nie znaleziono adresu
    nie znaleziono odbiorcy
    nie znaleziono uzytkownika
    konto nie istnieje
    skrzynka nie istnieje
    skrzynka * nie istnieje
    skrzynki nie znaleziono
    nie ma takiego uzytkownika
    nie ma takiej skrzynki
    brak takiego uzytkownika
    neznamy uzivatel
    uzivatel neexistuje
    uzivatel * neexistuje
    neznamy adresat
    neznamy prijemce
    prijemce neexistuje
    prijemce * nebyl nalezen
    adresat neexistuje
    adresa neexistuje
    adresa * neexistuje
    adresa nebyla nalezena
    adresa * nebyla nalezena
    schranka neexistuje
    schranka * neexistuje
    neznamy pouzivatel
    pouzivatel neexistuje
    adresa sa nenasla
    ismeretlen cimzett
    ismeretlen felhasznalo
    felhasznalo nem letezik
    cimzett nem letezik
    cimzett nem talalhato
    cim nem letezik
    cim nem talalhato
    nincs ilyen felhasznalo
    utilizator necunoscut
    utilizator inexistent
    utilizatorul nu exista
    destinatar necunoscut
    destinatarul nu exista
    adresa nu exista
    adresa inexistenta
    adresa nu a fost gasita
    adresa * nu a fost gasita
    nepoznat korisnik
    nepoznati korisnik
    korisnik ne postoji
    primatelj ne postoji
    adresa ne postoji
    neznan uporabnik
    uporabnik ne obstaja
    naslov ne obstaja
    # Baltic, Turkish, Greek
    kasutajat ei leitud
    aadressi ei leitud
    aadress puudub
    vartotojas nerastas
    adresas nerastas
    lietotajs neeksiste
    adrese neeksiste
    adrese netika atrasta
    kullanici bulunamadi
    kullanıcı bulunamadı
    boyle bir kullanici yok
    boyle bir kullanıcı yok
    bilinmeyen kullanıcı
    alıcı bulunamadı
    adres bulunamadı
    adresi bulunamadı
    αγνωστος χρηστης
    αγνωστος παραληπτης
    δεν βρεθηκε ο παραληπτης
    ο παραληπτης δεν βρεθηκε
    η διευθυνση δεν βρεθηκε
    δεν υπαρχει ο χρηστης
    # Russian, Ukrainian, Bulgarian
    не удалось найти * адрес
    не удалось найти адрес
    не удалось найти получателя
    не удается найти адрес
    пользователь не найден
    пользователь * не найден
    пользователь не существует
    пользователь * не существует
    неизвестный пользователь
    пользователь неизвестен
    нет такого пользователя
    такого пользователя нет
    получатель не найден
    получатель * не найден
    неизвестный получатель
    адресат не найден
    неизвестный адресат
    адрес не найден
    адрес * не найден
    адрес не существует
    адрес * не существует
    адреса не существует
    такого адреса нет
    неверный адрес получателя
    несуществующий адрес
    несуществующий пользователь
    несуществующий ящик
    ящик не существует
    ящик * не существует
    ящик не найден
    ящика не существует
    нет такого ящика
    нет такого почтового ящика
    учетная запись не существует
    учетная запись * не найдена
    користувача не знайдено
    адресу не знайдено
    адреса не існує
    отримувача не знайдено
    непознат потребител
    потребителят не съществува
    адресът не е намерен
    # Japanese
    アドレス不明
    アドレスが見つからない
    アドレスを見つけることができ
    宛先が見つからない
    ユーザが存在しません
    ユーザーが存在しません
    ユーザが見つかりません
    ユーザーが見つかりません
    ユーザーは存在しません
    ユーザは存在しません
    アドレスが見つかりません
    アドレスが見つかりませんでした
    アドレスは存在しません
    アドレスが存在しません
    アドレスは見つかりません
    宛先が見つかりません
    宛先が存在しません
    宛先アドレスが存在しない
    宛先は存在しません
    宛先メールアドレスが存在
    宛先のメールアドレスが存在
    宛先不明
    あて先不明
    宛先が不明
    宛先のユーザーが
    宛先がみつかりません
    宛先アドレスは存在しません
    あて先が見つかりません
    存在しないメールアドレス
    存在しないユーザ
    受信者が見つかりません
    受信者は見つかりません
    受信者 * 見つかりません
    メールボックスが存在しません
    メールボックスが見つかりません
    メールアドレスが間違って
    メールアドレスに誤り
    # Chinese
    找不到 * 地址
    找不到 * 收件人
    找不到 * 收件者
    未找到 * 地址
    無法找到 * 地址
    无法找到 * 地址
    用户不存在
    用戶不存在
    用户未找到
    找不到用户
    找不到该用户
    无此用户
    無此用戶
    没有此用户
    没有该用户
    没有这个用户
    不存在该用户
    收件人不存在
    收信人不存在
    收件人地址不存在
    收件人邮箱不存在
    收件人郵件地址不存在
    收件人帐号不存在
    找不到收件人
    未找到收件人
    地址不存在
    地址无效
    邮箱不存在
    郵箱不存在
    信箱不存在
    帐户不存在
    帐号不存在
    账号不存在
    账户不存在
    帳號不存在
    帳戶不存在
    邮件地址不存在
    邮箱地址不存在
    该地址不存在
    找不到邮箱
    找不到地址
    找不到该地址
    找不到電子郵件地址
    查無此人
    查無使用者
    使用者不存在
    收信人地址错误
    无效的收件人
    未知用户
    # Korean
    존재하지 않는 사용자
    존재하지 않는 메일
    존재하지 않는 이메일
    존재하지 않는 계정
    존재하지 않는 아이디
    존재하지 않는 수신자
    존재하지 않는 주소
    사용자가 존재하지
    사용자를 찾을 수 없
    수신자를 찾을 수 없
    받는 사람을 찾을 수 없
    주소를 찾을 수 없
    계정이 존재하지
    수신자가 존재하지
    메일 주소가 존재하지
    메일주소가 존재하지
    수신자의 메일주소가 없
    알 수 없는 사용자
    없는 사용자
    # Vietnamese, Indonesian, Thai, Arabic, Hebrew, Persian
    khong tim thay dia chi
    khong tim thay nguoi dung
    nguoi dung khong ton tai
    dia chi khong ton tai
    alamat tidak ditemukan
    pengguna tidak ditemukan
    pengguna tidak dikenal
    alamat tidak wujud
    ไม่พบที่อยู่
    ไม่พบผู้ใช้
    ไม่มีผู้ใช้
    لم يتم العثور على العنوان
    لم يتم العثور على المستلم
    المستخدم غير موجود
    הכתובת לא נמצאה
    המשתמש לא נמצא
    משתמש לא קיים
    נמען לא קיים
    آدرس پیدا نشد
    کاربر یافت نشد
    """
)

# What RFC 5321 has behind 550 for an unknown mailbox, and others say for a mailbox that they will not open for us.
MAILBOX_UNAVAILABLE = phrases(
    """
    mailbox * not available
    mailbox unavailable
    mailbox * unavailable
    mailbox not available
    mailbox is not available
    user unavailable
    recipient unavailable
    account unavailable
    account is unavailable
    address unavailable
    this user is unavailable
    mailbox cannot be accessed
    """
)

SUSPENDED = phrases(
    """
    mailbox has been closed
    account was terminated
    account * was terminated
    account was closed
    account * was closed
    mailbox was closed
    due to inactivity
    for inactivity
    due to non use
    due to lack of use
    never logged onto
    never logged on
    never logged into
    account not available
    account * has been cancelled
    account * has been canceled
    account cancelled
    account canceled
    konto zostalo wylaczone
    konto zostało wyłączone
    konto jest wylaczone
    konto jest wyłączone
    ucet je zrusen
    ucet byl zrusen
    schranka byla zrusena
    is dormant
    user dormant
    has not been activated
    not been activated
    kontot ar inaktiverat
    kontot ar avaktiverat
    kontoen er deaktivert
    kontoen er deaktiveret
    hesap devre disi
    hesap devre dışı
    hesap kapatilmis
    帐号已被停用
    账号已被停用
    账户已被停用
    帐户已被停用
    邮箱已被停用
    帐号已被禁用
    账号已被禁用
    帳號已被停用
    帳號已停用
    信箱已停用
    信箱已被停用
    사용 중지된 계정
    사용이 중지된 계정
    disabled recipient address
    accountdisabledexception
    mapiexceptionmailboxdisabled
    mailboxdisabled
    account addr disabled
    account * is disabled
    account * has been disabled
    account * was disabled
    mailbox addr disabled
    mailbox * is disabled
    mailbox * has been disabled
    mailbox * was disabled
    user addr disabled
    user * is disabled
    user * has been disabled
    user * was disabled
    recipient addr disabled
    recipient * is disabled
    recipient * has been disabled
    recipient * was disabled
    account is disabled
    administratively disabled
    mailaddress * disabled
    account disabled
    account has been disabled
    account is not active
    account not active
    account is inactive
    account * inactive
    account inactive
    account inactivated
    account closed
    account is closed
    account * closed
    account has been closed
    account has been terminated
    account terminated
    account deactivated
    account * deactivated
    account is deactivated
    account expired
    account has expired
    account * expired
    account has been cancelled
    account discontinued
    account * discontinued
    account has been removed
    account is not enabled
    account that you tried to reach is disabled
    account that you tried to reach is inactive
    mailbox disabled
    mailbox is disabled
    mailbox has been disabled
    mailbox inactive
    mailbox is inactive
    mailbox * inactive
    mailbox not active
    mailbox is not active
    mailbox closed
    mailbox is closed
    mailbox deactivated
    mailbox is deactivated
    mailbox expired
    mailbox terminated
    mailbox discontinued
    user disabled
    user is disabled
    user account disabled
    user inactive
    user is inactive
    user * inactive
    user not active
    user is not active
    user is no longer active
    user deactivated
    user is deactivated
    user * deactivated
    user expired
    user account expired
    recipient disabled
    recipient is disabled
    recipient inactive
    recipient is inactive
    recipient not active
    recipient is not active
    recipient deactivated
    recipient * inactive
    recipient no longer active
    address disabled
    address is disabled
    address has been disabled
    address has been deactivated
    address is deactivated
    address deactivated
    address is inactive
    address inactive
    address * inactive
    address not active
    address is not active
    address is no longer active
    address no longer active
    address no longer in use
    address is no longer in use
    address is no longer used
    address is no longer available
    address no longer available
    address is no longer accepting
    address no longer accept%
    address * no longer accept%
    account no longer in use
    mailbox no longer in use
    mailbox is no longer in use
    mailbox is no longer available
    addr is disabled
    addr disabled
    addr is inactive
    addr has been disabled
    addr inactive
    addr deactivated
    addr not active
    addr is not active
    inactive user
    inactive mailbox
    inactive account
    inactive recipient
    inactive email address
    inactive address
    disabled user
    disabled mailbox
    disabled account
    closed account
    deactivated mailbox
    deactivated account
    deactivated user
    expired account
    extended inactivity
    archived recipient
    boite * archivee
    not logged in for
    no longer active
    subscriber is inactive
    is a deactivated
    is an inactive
    # other languages
    konto deaktiviert
    konto ist deaktiviert
    konto wurde deaktiviert
    konto wurde gelosscht
    konto wurde geloscht
    postfach deaktiviert
    postfach ist deaktiviert
    postfach ist nicht aktiv
    adresse ist nicht mehr aktiv
    adresse ist deaktiviert
    compte desactive
    compte est desactive
    compte ferme
    compte cloture
    compte inactif
    boite desactivee
    boite inactive
    boite aux lettres inactive
    boite aux lettres desactivee
    cuenta desactivada
    cuenta deshabilitada
    cuenta inactiva
    cuenta cancelada
    buzon inactivo
    buzon deshabilitado
    buzon * deshabilitado
    buzon * desactivado
    buzon * inactivo
    cuenta * desactivada
    cuenta * deshabilitada
    cuenta * inactiva
    conta desativada
    conta desabilitada
    conta inativa
    conta * inativa
    conta * desativada
    conta * desabilitada
    conta cancelada
    caixa postal inativa
    caixa postal desativada
    usuario inativo
    account disattivato
    account disabilitato
    casella disattivata
    casella disabilitata
    casella non attiva
    utente disabilitato
    utente non attivo
    account is uitgeschakeld
    mailbox is uitgeschakeld
    konto nieaktywne
    konto wylaczone
    skrzynka nieaktywna
    schranka neni aktivni
    ucet je deaktivovan
    ucet neni aktivni
    учетная запись отключена
    учетная запись * отключена
    ящик отключен
    ящик неактивен
    ящик удален
    почтовый ящик * отключен
    账号已停用
    账户已停用
    帐号已停用
    帐户已被禁用
    账号已被禁用
    邮箱已停用
    邮箱已被禁用
    用户已停用
    用户已禁用
    用户被禁用
    用户帐号被禁用
    휴면 계정
    휴면계정
    비활성화된 계정
    탈퇴한 사용자
    탈퇴한 회원
    アカウントは無効
    アカウントが無効
    アカウントは使用できません
    メールアドレスは無効
    """
)

# A state that may end: nothing to suppress by.
SUSPENDED_FOR_NOW = phrases(
    """
    temporarily disabled
    temporarily suspended
    temporarily inactive
    temporarily locked
    temporarily closed
    temporarily deactivated
    temporary suspended
    временно не принимает
    recipient is temporar%
    account is temporar%
    mailbox is temporar%
    user is temporar%
    account * temporarily
    mailbox * temporarily
    user * temporarily
    mailbox temporarily
    account temporarily
    user temporarily
    recipient temporarily
    temporarily * mailbox
    currently suspended
    currently disabled
    currently inactive
    currently not active
    account suspended
    account is suspended
    account has been suspended
    account * suspended
    account is locked
    account locked
    account * locked
    account * frozen
    account is frozen
    account is blocked
    account blocked
    account has been blocked
    account on hold
    account is on hold
    mailbox suspended
    mailbox is suspended
    mailbox * suspended
    mailbox is frozen
    mailbox frozen
    mailbox locked
    mailbox is locked
    mailbox * locked
    mailbox is blocked
    user suspended
    user is suspended
    user * suspended
    user is locked
    user blocked
    user is blocked
    user locked
    recipient suspended
    recipient is suspended
    recipient * suspended
    domain is suspended
    domain * suspended
    domain suspended
    domain is disabled
    domain disabled
    domain * disabled
    domain has been disabled
    domain is currently suspended
    domain has been suspended
    domain is not active
    domain is inactive
    domain expired
    invalid inactive
    has been suspended
    is suspended
    delivery is suspended
    delivery suspended
    due to non payment
    quiesced
    konto gesperrt
    konto ist gesperrt
    postfach gesperrt
    postfach ist gesperrt
    compte suspendu
    compte bloque
    boite bloquee
    cuenta suspendida
    cuenta bloqueada
    conta suspensa
    conta bloqueada
    caixa postal bloqueada
    account sospeso
    casella sospesa
    casella bloccata
    account geblokkeerd
    konto zablokowane
    skrzynka zablokowana
    ucet zablokovan
    учетная запись заблокирована
    ящик заблокирован
    аккаунт заблокирован
    почтовый ящик * заблокирован
    账号被冻结
    帐号被冻结
    邮箱被冻结
    用户被锁定
    用户被冻结
    帐户被锁定
    帐号被锁定
    사용이 정지
    일시 정지
    利用停止
    停止中
    """
)

# Nobody has used it for long: it stays closed, also where it is called blocked.
DISUSED = phrases(
    """
    mailbox * due to inactivity
    account * due to inactivity
    user * due to inactivity
    mailbox * because of inactivity
    account * because of inactivity
    mailbox * for inactivity
    account * for inactivity
    due to prolonged inactivity
    due to long inactivity
    mailbox has not been used
    account has not been used
    mailbox * not been accessed for
    account * not been accessed for
    wegen inaktivitat
    aufgrund von inaktivitat
    aufgrund langerer inaktivitat
    por inactividad
    por falta de uso
    por inatividade
    per inattivita
    pour inactivite
    pour cause d inactivite
    braku aktywnosci
    z powodu nieaktywnosci
    не использовался
    не использовалась
    длительного неиспользования
    не використовувалась
    长期未使用
    長期未使用
    长时间未登录
    长期未登录
    장기 미사용
    휴면 상태
    휴면 계정
    長期間ご利用
    """
)

MAILBOX_FULL = phrases(
    """
    number of messages exceed% * mailbox
    overdrawn * quota
    no space left in mailbox
    no space left in the mailbox
    recipient out of disk space
    space available in the mailbox
    skrzynka * jest pelna
    skrzynka * pełna
    datenbank hat ihre grossenbeschrankung
    database has exceeded its size limit
    postkasse% * full
    postkasse% * fuld
    innboks% * full
    indbakke * fuld
    postvak * vol
    место закончилось
    закончилось место
    postbus * vol
    mailbox * is vol
    posta kutusu dol%
    posta kutusu * dolu
    поштова скринька * переповнена
    скринька * переповнена
    пощенската кутия * пълна
    γραμματοκιβωτιο * πληρες
    error writing message file too large
    cassetta postale * e piena
    casella * e piena
    caixa de correio * esta cheia
    schranka prijemce je plna
    mailbox full
    mailbox is full
    mailbox * full
    mailbox was full
    mailbox over quota
    mailbox is over
    mailbox * over quota
    mailbox * quota
    mailbox exceed%
    mailbox * exceed%
    mailbox size limit
    mailbox * size limit
    mailbox has reached
    mailbox limit
    mailbox is almost full
    mailbox space
    mail box is full
    mail box full
    mail file is full
    mailfolder is full
    mailfolder is over
    maildir over quota
    maildir delivery failed disk quota
    maildir delivery failed domaindisk quota
    maildir overquota
    maildrop over quota
    maildir quota
    maildir is full
    inbox is full
    inbox full
    inbox * full
    inbox is out of storage
    out of storage
    out of space
    out of mailbox space
    over quota
    overquota
    over the quota
    over its quota
    over his quota
    over their quota
    over the allowed quota
    over disk quota
    over the storage
    over storage
    over his limit
    over their limit
    over his her
    over maximum
    over its disk quota
    quota exceeded
    quota exceed%
    quota has been exceeded
    quota is exceeded
    quota limit
    quota exceeds
    quota exhausted
    quota violation
    quota full
    quota reached
    quota is full
    quota threshold
    quota would be exceeded
    exceeds quota
    exceeded quota
    exceed quota
    exceeds the quota
    exceeded the quota
    exceeded * quota
    exceeds * quota
    exceeding * quota
    exceed * quota
    exceeded * storage
    exceeds * storage
    exceeded his
    exceeded their
    disk quota
    message quota
    user quota
    account quota
    storage quota
    mail quota
    email quota
    insufficient quota
    not enough quota
    reached * quota
    beyond * quota
    account is full
    account full
    account * is full
    account is over
    account * over quota
    account * exceeded
    account size limit
    user is over
    user * over quota
    user is full
    user * full
    user has exceeded
    too many messages in mailbox
    too many messages in the mailbox
    too many messages on this mailbox
    recipient s mailbox is full
    recipient * over quota
    recipient * is full
    recipient storage full
    recipient reached disk quota
    recipient overquota
    recipient is overquota
    recipient has exceeded
    recipient rejected mailbox
    not enough storage space
    not enough space
    no space for mail
    insufficient space
    insufficient storage space
    insufficient storage
    insufficient mailbox
    insufficient disk quota
    insufficient user
    exceeded storage allocation
    storage allocation
    exceeded allocated
    allocated space
    allowed space
    storage space
    storage limit
    storage exceeded
    no storage space
    quotaexceeded
    quotaexceededexception
    has run out of
    would exceed
    would be over
    would over quota
    cannot accept messages over
    delivery failed over quota
    full mailbox
    mailbox_full
    mailboxfull
    boxfull
    # other languages
    postfach voll
    postfach ist voll
    postfach * voll
    postfach uberfullt
    postfach ist uberfullt
    mailbox voll
    mailbox ist voll
    mailbox des empfangers ist voll
    speicherplatz
    speicherkontingent
    kontingent uberschritten
    kontingent * uberschritten
    quota uberschritten
    boite pleine
    boite aux lettres pleine
    boite aux lettres * pleine
    boite * pleine
    boite * saturee
    quota depasse
    quota * depasse
    depasse * quota
    espace de stockage
    buzon lleno
    buzon * lleno
    buzon esta lleno
    bandeja * llena
    bandeja de entrada * llena
    cuota excedida
    cuota * excedida
    excedido * cuota
    excede * cuota
    sobrepasado * cuota
    supera * cuota
    espacio de almacenamiento
    sin espacio
    caixa postal cheia
    caixa postal * cheia
    caixa * cheia
    caixa postal lotada
    caixa * lotada
    cota excedida
    quota excedida
    cota * excedida
    excedeu * cota
    excedeu * limite
    espaco de armazenamento
    sem espaco
    casella piena
    casella * piena
    casella * satura
    quota superata
    spazio esaurito
    spazio di archiviazione
    superato * quota
    superato * limite
    spazio * esaurito
    mailbox vol
    mailbox is vol
    postvak vol
    postvak is vol
    postvak * vol
    quotum overschreden
    opslagruimte
    brevladan ar full
    brevlada * full
    inkorg * full
    lagringsutrymme
    postkassen er full
    postkassen er fuld
    postkasse * full
    postkasse * fuld
    lagerplads
    postilaatikko on taynna
    postilaatikko * taynna
    tallennustila
    skrzynka pelna
    skrzynka * pelna
    skrzynka jest pelna
    przepelniona
    przekroczono limit
    przekroczony limit
    miejsca w skrzynce
    schranka je plna
    schranka * plna
    plna schranka
    prekrocena kvota
    kvota * prekrocena
    postafiok megtelt
    megtelt
    cutia postala * plina
    casuta * plina
    posta kutusu dolu
    kotasi asildi
    kota asıldı
    γεματο
    υπερβαση οριου
    ящик переполнен
    ящик * переполнен
    переполнен
    превышена квота
    квота превышена
    превышен лимит
    почтовый ящик полон
    недостаточно места
    скринька переповнена
    メールボックスがいっぱい
    メールボックスが一杯
    メールボックスの容量
    メールボックスは一杯
    受信トレイがいっぱい
    容量オーバー
    容量を超え
    容量超過
    容量制限
    受信容量
    保存容量
    空き容量
    邮箱已满
    郵箱已滿
    信箱已滿
    信箱已满
    信箱容量
    邮箱容量
    邮箱空间
    空间已满
    空间不足
    收件箱已满
    收件箱空间已满
    收件匣已滿
    容量已满
    超出配额
    超过配额
    配额
    磁盘空间不足
    메일함이 가득
    편지함이 가득
    받은편지함이 가득
    용량이 초과
    용량을 초과
    용량 초과
    용량초과
    용량이 부족
    저장 공간
    저장공간
    hop thu day
    kotak surat penuh
    kotak masuk * penuh
    كامل
    صندوق البريد ممتلئ
    התיבה מלאה
    """
)

HOST_UNKNOWN = phrases(
    """
    domain not registered
    domain is not registered
    can t find host
    cannot find host
    could not find host
    can t find domain
    no mail hosts for domain
    no mail hosts for
    couldn t find a mail exchanger
    no dns entries for
    does not appear to be registered
    is not a registered domain
    unroutable mail domain
    domanen finns inte
    domenet finnes ikke
    domaenet findes ikke
    domænet findes ikke
    host unknown
    unknown host
    unknown domain
    unbekannter domainname
    unbekannter domanenname
    onbekend domein
    неизвестный домен
    неизвестное доменное имя
    域名错误
    域名解析失败
    domain unknown
    domain is unknown
    domain not found
    domain * not found
    domain could not be found
    domain does not exist
    domain * does not exist
    domain doesn t exist
    domain * doesn t exist
    domain not exist%
    domain must exist
    domain name not found
    domain couldn t be found
    domain * couldn t be found
    domain * could not be found
    domain wasn t found
    domain is not valid
    domain is invalid
    domain invalid
    invalid domain
    domain no longer exist%
    domain has no mx
    domain * has no mx
    domain has no mail
    domain * no mail exchanger
    no such domain
    no such host
    non existent domain
    nonexistent domain
    nonexistentdomain
    non existent host
    non existent hosts
    nonexistent host
    no mail server%
    no mail exchanger
    no mx record
    no mx records
    no mx or a record%
    no valid mx
    no a or mx
    no mx found
    no mx host
    no mx for
    no valid hosts
    no valid mail
    no host found
    host not found
    host name not found
    host or domain name not found
    host name lookup failed
    hostname not found
    host lookup failed
    host does not exist
    host * does not exist
    host doesn t exist
    server not found
    server could not be found
    destination server * could not be found
    couldn t find any host
    couldn t find a host
    couldn t find any host named
    could not find any host
    cannot find * domain
    can t find * domain
    could not find the recipient domain
    could not find a gateway for
    could not resolve
    unable to resolve
    unresolvable
    cannot resolve
    can t resolve
    unresolved host
    name does not resolve
    not resolve to
    bad destination system address
    bad destination host
    bad destination system
    illegal host
    illegal domain
    illegal host domain name
    invalid host
    invalid host name
    invalid hostname
    name service error
    name or service not known
    nxdomain
    dns error * not found
    dns server returned answer with no data
    dns * domain does not exist
    does not resolve
    relevant mx records point to non existent hosts
    all relevant mx records
    recipient domain has null
    domain name system error * not exist
    bad mx
    unrouteable mail domain
    unrouteable domain
    unroutable domain
    hostname unknown
    host is unknown
    domain not listed
    address has no domain
    destination domain * not exist
    # other languages
    domain * existiert nicht
    domain existiert nicht
    domane * nicht gefunden
    domain * nicht gefunden
    unbekannte domain
    host unbekannt
    unbekannter host
    domaine inconnu
    domaine inexistant
    domaine * n existe pas
    domaine * introuvable
    dominio desconocido
    dominio inexistente
    dominio no existe
    dominio * no existe
    dominio no encontrado
    dominio * no se encontro
    dominio nao existe
    dominio * nao existe
    dominio nao encontrado
    dominio * nao foi encontrado
    dominio sconosciuto
    dominio * non esiste
    dominio non trovato
    domein bestaat niet
    domein * bestaat niet
    domein * niet gevonden
    domena nie istnieje
    domena * nie istnieje
    domena neexistuje
    domena * neexistuje
    домен не найден
    домен * не найден
    домен не существует
    домен * не существует
    ドメインが見つかりません
    ドメインは存在しません
    ドメインが存在しません
    ドメイン * 見つかりません
    域名不存在
    找不到域名
    域名无法解析
    无法解析域名
    도메인을 찾을 수 없
    도메인이 존재하지
    존재하지 않는 도메인
    """
)

# DNS did not answer: nobody knows whether the domain is there.
DNS_TROUBLE = phrases(
    """
    unverified address
    temporary failure in mx lookup
    dns temporary failure
    temporary dns failure
    account or domain may not exist
    dns lookup timed out
    dns * timed out
    dns request timed out
    dns server did not respond
    host not found try again
    dns lookup failed temporarily
    temporary dns
    temporary lookup failure
    temporary resolution
    temporary failure in name resolution
    temporarily unable to resolve
    try again * name service
    name server * loop
    name server timeout
    name server temporary
    name server host name lookup
    name service error * try again
    name service error * server failure
    host name lookup failure
    transient dns
    servfail
    dns timeout
    dns time out
    dns query failed
    dns server failure
    dns failure
    dns lookup failure
    dns lookup timeout
    dns server unavailable
    dns resolver
    dns problem
    dns temporarily
    dns soft error
    host lookup did not complete
    lookup did not complete
    error in dns
    domain lookup timed out
    malformed or unexpected name server reply
    cname lookup failed temporarily
    cname lookup failed
    """
)

NULL_MX = phrases(
    """
    null mx
    nullmx
    does not accept mail nullmx
    recipient domain does not accept mail
    domain does not accept mail
    domain does not accept email
    domain does not accept e mail
    domain * does not accept mail
    domain * does not accept email
    domain does not receive mail
    does not accept any mail
    does not accept mail at all
    does not receive mail
    does not handle mail
    host does not accept mail
    host does not accept email
    host does not receive mail
    mx or srv record indicated no smtp service
    no smtp service
    domain accepts no mail
    domain does not have a mail
    no mail is accepted for
    doesn t accept mail
    doesn t accept email
    smtp protocol returned a permanent error * no smtp service
    """
)

HAS_MOVED = phrases(
    """
    please resend to addr
    this address is obsolete
    please use addr instead
    has relocated to
    relocated to another address
    changed his e mail address
    changed her e mail address
    changed their e mail address
    changed his email address
    changed her email address
    changed their email address
    changed * email address
    has a new address
    has a new e mail address
    has a new email address
    has moved
    user has moved
    recipient has moved
    mailbox has moved
    has changed his address
    has changed address
    address has changed
    address has been changed
    mailbox moved
    user not local please try
    user not local try
    user not local will forward
    please try forward path
    new address is
    new email address is
    new e mail address is
    has been replaced by
    change of address
    destination mailbox * moved
    no forwarding address
    adresse hat sich geandert
    neue adresse
    nouvelle adresse
    nueva direccion
    novo endereco
    nuovo indirizzo
    новый адрес
    """
)
